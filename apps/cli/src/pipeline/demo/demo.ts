import { join } from 'node:path'
import type { RunDirectory } from '@lever/durable-files'
import { InputError, openRunDirectory, runStage } from '@lever/durable-files'
import { RL_DATA_FILES } from '@lever/rl-dataset'
import type { RlData } from '@lever/rl-dataset'
import { normalizeAnswer, officialScore } from '@lever/vqa-eval'
import type { VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { BUNDLED, hashFiles } from '../../files.ts'
import { version } from '../../version.ts'
import { reportingTo } from '../evaluate/events.ts'
import { generateReporter } from '../generate/generate-progress.ts'
import { factsOf, pairsOf } from '../inputs/features.ts'
import { openModel } from '../model/model.ts'
import { reportSources } from '../report/report.ts'
import { followTraining } from '../train/train.ts'
import { evaluatePolicies } from './evaluate.ts'
import type { PolicyRecipe, Recipe } from './recipe.ts'
import type { Demo } from './sides.ts'
import { checkpointFile, embeddingFile, embedSides, featuresOf, openSide, poolsOf } from './sides.ts'

export interface DemoSettings {
  readonly out: string
  readonly seed: number
  readonly recipe: Recipe
  /** Worker threads of the model; they change no result. */
  readonly workers: number
}

/**
 * The whole pipeline on the bundled world: embed, generate, train, evaluate. Every stage that is done
 * is kept; a stage that was interrupted continues.
 * @returns the path of the run directory
 */
export async function runDemo(
  { out, seed, recipe, workers }: DemoSettings,
  context: Context,
): Promise<RunDirectory> {
  const train = await openSide('train', recipe, seed, context)
  const test = await openSide('test', recipe, seed, context)
  const ownLibrary = recipe.world.library !== recipe.world.train
  const library = ownLibrary ? await openSide('library', recipe, seed, context) : train
  const sides = ownLibrary ? [library, train, test] : [train, test]
  const { queries } = recipe.generate
  if (queries !== null && queries > train.dataset.examples.length) {
    throw new InputError(
      `--queries is ${queries}, but the bundled world has ${train.dataset.examples.length} training and ${test.dataset.examples.length} test questions; give fewer`,
    )
  }
  const { REPORT, writeReport } = await import('@lever/icl-eval')
  const run = await openRunDirectory({
    path: out,
    command: 'demo',
    config: recipe,
    inputs: {
      ...Object.fromEntries(sides.map(({ name, dataset }) => [name, dataset.hash])),
      model: await hashFiles(join(BUNDLED, recipe.world.model)),
    },
    seed,
    versions: { lever: version() },
  })
  let opened: Promise<VqaModel> | undefined
  const model = (): Promise<VqaModel> => (opened ??= openWorldModel(recipe, workers, context))
  const demo: Demo = { recipe, seed, run, library, train, test, model, context }
  try {
    const stage = async (
      name: string,
      files: readonly string[],
      work: () => Promise<void>,
    ): Promise<void> => {
      context.signal.throwIfAborted()
      if (!(await runStage(run, name, files, work))) context.progress.info(`${name}: done before`)
    }
    const embeddings = sides.map(({ name }) => embeddingFile(name))
    await stage('embed', embeddings, () => embedSides(demo, sides))
    await stage('generate', [RL_DATA_FILES.data], () => generateData(demo))
    for (const policy of recipe.policies) {
      await stage(`train ${policy.name}`, [checkpointFile(policy)], () => trainOne(demo, policy))
    }
    await stage('evaluate', ['results.json', 'per-question.jsonl'], () => evaluatePolicies(demo))
    await stage('report', [REPORT], async () =>
      writeReport(run, { ...(await reportSources(context.progress)), ...reportingTo(context) }),
    )
    return run
  } finally {
    await run.close()
    await (await opened)?.close()
  }
}

function openWorldModel({ world }: Recipe, workers: number, { progress }: Context): Promise<VqaModel> {
  const choice = {
    backend: 'onnx',
    model: join(BUNDLED, world.model),
    template: 'shapes',
    device: 'cpu',
    threads: 1,
    maxNewTokens: 5,
  } as const
  return openModel({ ...choice, workers }, progress)
}

async function generateData(demo: Demo): Promise<void> {
  const { recipe, seed, run, library, train, context } = demo
  const { architecture, mix, shots, size } = recipe.generate
  const { byIds, createModel, openPolicy } = await import('@lever/pointer-model')
  const { generateJournal, writeRlData } = await import('@lever/rl-generate')
  const { answerWith } = await import('@lever/vqa-model')
  const features = await featuresOf(demo, 'train')
  const settings = { dim: features.candidates.dim }
  const policy = await openPolicy(createModel({ architecture, settings, seed }))
  try {
    const { queries, dataset } = train
    const pools = await poolsOf(demo, train, features)
    const model = await demo.model()
    const stage = context.progress.stage('generate', { unit: 'outcomes' })
    const journal = run.file(RL_DATA_FILES.journal)
    await generateJournal({
      ...{ queries, candidates: library.dataset.examples, pools, dataset, mix, shots, size, seed, journal },
      features: await pairsOf(features),
      embeddings: factsOf(features),
      policy: {
        proposer: byIds(policy, features),
        facts: { architecture, ...policy.model.config, sha256: null },
      },
      model,
      answer: answerWith(model),
      score: officialScore(),
      normalizeAnswer,
      version: version(),
      batchSize: recipe.batchSize,
      signal: context.signal,
      onEvent: generateReporter({ stage, emit: undefined, stats: () => ({ ...model.stats() }) }),
    })
    await writeRlData({ journal, out: run.file(RL_DATA_FILES.data) })
    stage.end()
  } finally {
    await policy.close()
  }
}

/** Labels of the train split that need no model: the accuracy of candidates' own answers. */
async function labelsOf(demo: Demo): Promise<RlData> {
  const { agreementLabels } = await import('@lever/rl-generate')
  const { library, train } = demo
  const pools = await poolsOf(demo, train, await featuresOf(demo, 'train'))
  const candidates = library.dataset.examples
  return agreementLabels({ queries: train.queries, candidates, pools, score: officialScore() }).data
}

async function trainOne(demo: Demo, policy: PolicyRecipe): Promise<void> {
  const { recipe, run, library, seed, context } = demo
  const { AGREEMENT_PRESET, loadTraining, PRESETS, train } = await import('@lever/grpo-trainer')
  const { createModel } = await import('@lever/pointer-model')
  const { name, preset, ...changes } = policy
  const recipes = { ...PRESETS, agreement: AGREEMENT_PRESET }
  const { architecture, settings, phases } = { ...recipes[preset], ...changes }
  const training = await loadTraining({
    ...(preset === 'agreement'
      ? { rlData: [], labels: await labelsOf(demo) }
      : { rlData: [run.file(RL_DATA_FILES.data)] }),
    embeddings: run.file(embeddingFile(library.name)),
    ...(library.name !== 'train' && { queryEmbeddings: run.file(embeddingFile('train')) }),
    rewards: {},
    validation: recipe.validation,
    seed,
  })
  const model = createModel({ architecture, settings: { dim: training.dim, ...settings }, seed })
  const { data, info } = training
  const output = join(run.path, name)
  const { signal } = context
  await followTraining(train({ model, data, info, phases, output, seed, signal }), context, name)
}
