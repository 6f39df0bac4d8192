import { join } from 'node:path'
import type { RunDirectory } from '@lever/durable-files'
import { hashFile, InputError, openRunDirectory, runStage } from '@lever/durable-files'
import type { EvaluationRecord } from '@lever/icl-eval'
import type { Pools } from '@lever/rl-generate'
import type { Dataset, Example } from '@lever/vqa-dataset'
import type { VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { BUNDLED, hashFiles } from '../../files.ts'
import { version } from '../../version.ts'
import { openDataset, sampleExamples } from '../inputs/dataset.ts'
import { reportingTo } from '../evaluate/events.ts'
import { evaluatedDataset } from '../evaluate/run-evaluate.ts'
import type { Features } from '../inputs/features.ts'
import { factsOf, pairsOf, readEmbeddings } from '../inputs/features.ts'
import { openModel } from '../model/model.ts'
import type { PolicyRecipe, Recipe } from './recipe.ts'
import { reportSources } from '../report/report.ts'
import { generateReporter } from '../generate/generate-progress.ts'
import { RL_DATA_FILES } from '@lever/rl-dataset'
import type { RlData } from '@lever/rl-dataset'
import { normalizeAnswer, officialScore } from '@lever/vqa-eval'
import { followTraining } from '../train/train.ts'

/** One side of the world: what demonstrations come from, the training questions (in the copying world the same), the test questions. */
interface Side {
  readonly name: 'library' | 'train' | 'test'
  readonly dataset: Dataset
  readonly queries: readonly Example[]
}

interface Demo {
  readonly recipe: Recipe
  readonly seed: number
  readonly run: RunDirectory
  readonly library: Side
  readonly train: Side
  readonly test: Side
  /** Opened at the first call: a finished demo needs no model. */
  readonly model: () => Promise<VqaModel>
  readonly context: Context
}

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

/** Best checkpoint of a policy, by name inside the run directory. */
export function checkpointFile({ name }: PolicyRecipe): string {
  return `${name}/checkpoints/best.safetensors`
}

export function embeddingFile(name: Side['name']): string {
  return `embeddings/${name}.safetensors`
}

async function openSide(
  name: Side['name'],
  recipe: Recipe,
  seed: number,
  { progress }: Context,
): Promise<Side> {
  const dataset = await openDataset({ dataset: join(BUNDLED, recipe.world[name]) }, progress)
  const counts = { library: 0, train: recipe.generate.queries, test: recipe.evaluate.queries }
  const queries = await sampleExamples(dataset.examples, counts[name] ?? undefined, seed)
  return { name, dataset, queries }
}

/** The pool of every question: the part of the library that the policies see. */
async function poolsOf(
  { recipe, seed, library }: Demo,
  { queries }: Side,
  features: Features,
): Promise<Pools> {
  const { buildPools } = await import('@lever/rl-generate')
  const { poolMethod: method, pool: size } = recipe.generate
  const candidates = library.dataset.examples
  return buildPools({ queries, candidates, method, size, seed, features: await pairsOf(features) })
}

function openWorldModel({ world }: Recipe, workers: number, { progress }: Context): Promise<VqaModel> {
  const choice = {
    backend: 'onnx',
    model: join(BUNDLED, world.model),
    template: 'shapes',
    device: 'cpu',
    threads: 1,
    maxNewTokens: 5,
  }
  return openModel({ ...choice, workers }, progress)
}

async function embedSides(
  { recipe, run, context: { progress, signal } }: Demo,
  sides: readonly Side[],
): Promise<void> {
  const { embedExamples, openEmbedder } = await import('@lever/vqa-model')
  const { writeEmbeddings } = await import('@lever/tensor-files')
  const embedder = await openEmbedder({ model: join(BUNDLED, recipe.world.model), threads: 2 })
  try {
    const total = sides.reduce((sum, { dataset }) => sum + dataset.examples.length, 0)
    const stage = progress.stage('embed', { total, unit: 'questions' })
    let before = 0
    for (const { name, dataset } of sides) {
      const onProgress = (done: number): void => stage.update(before + done)
      await writeEmbeddings(
        run.file(embeddingFile(name)),
        await embedExamples(embedder, dataset.examples, { source: dataset.hash, signal, onProgress }),
      )
      before += dataset.examples.length
    }
    stage.end()
  } finally {
    await embedder.close()
  }
}

async function featuresOf({ run, library }: Demo, side: Side['name']): Promise<Features> {
  const [queries, candidates] = [run.file(embeddingFile(side)), run.file(embeddingFile(library.name))]
  return { queries: await readEmbeddings(queries), candidates: await readEmbeddings(candidates) }
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

async function evaluatePolicies(demo: Demo): Promise<void> {
  const { recipe, seed, run, library, test, context } = demo
  const {
    evaluateAll,
    lookUpEmbeddings,
    measuredStatic,
    policySelector,
    poolsOfExamples,
    recordRead,
    resolveSelectors,
    saveEvaluation,
  } = await import('@lever/icl-eval')
  const { answerWith } = await import('@lever/vqa-model')
  const { shots, seeds, oracleBudget, selectors } = recipe.evaluate
  const features = await featuresOf(demo, 'test')
  const { byIds, openPolicy, readCheckpoint } = await import('@lever/pointer-model')
  const policies = await Promise.all(
    recipe.policies.map(async (policy) =>
      openPolicy((await readCheckpoint(run.file(checkpointFile(policy)))).model),
    ),
  )
  try {
    const named = policies.map((policy, i) =>
      policySelector({ name: recipe.policies[i]!.name, policy: byIds(policy, features) }),
    )
    const measured = await measuredStatic({
      files: [run.file(RL_DATA_FILES.data)],
      queries: test.queries,
      shots: Math.max(...shots),
    })
    const model = await demo.model()
    const pools = await poolsOf(demo, test, features)
    const hashes = await Promise.all(
      recipe.policies.map(async (policy) => [policy.name, await hashFile(run.file(checkpointFile(policy)))]),
    )
    await recordRead(run, {
      split: test.dataset.split,
      data: test.dataset.hash,
      questions: test.queries.length,
      selectors: [...selectors, 'oracle'],
      policies: Object.fromEntries(hashes) as Record<string, string>,
      shots,
      seeds,
    })
    const evaluated = await evaluateAll({
      queries: test.queries,
      pools: poolsOfExamples(pools.byQuery, library.dataset.examples),
      library: library.dataset.examples,
      selectors: [...resolveSelectors(selectors, { sets: measured.effects }), ...named],
      answer: answerWith(model),
      score: officialScore(),
      protocol: model.protocolHash,
      data: `${test.dataset.hash} ${library.dataset.hash}`,
      embeddings: lookUpEmbeddings(await pairsOf(features)),
      split: { names: recipe.policies.map(({ name }) => name), seeds: [seed] },
      oracle: true,
      oracleBudget,
      shots,
      seeds: Array.from({ length: seeds }, (_, i) => seed + i),
      journal: run.file('answers.jsonl'),
      strict: true,
      batchSize: recipe.batchSize,
      seed,
      ...reportingTo(context),
    })
    await saveEvaluation(run, evaluated)
    await run.update({ evaluated: { ...(await recordOf(demo, pools, model)), static: measured.record } })
  } finally {
    for (const policy of policies) await policy.close()
  }
}

async function recordOf(
  { recipe, library, train, test }: Demo,
  made: Pools,
  model: VqaModel,
): Promise<EvaluationRecord> {
  const { datasetRecord, findLeakage, leakageRecord, poolsOfExamples, poolText, protocolRecord } =
    await import('@lever/icl-eval')
  const pools = poolsOfExamples(made.byQuery, library.dataset.examples)
  const leakage = findLeakage({ queries: test.queries, pools, training: train.queries })
  const record = async ({ name, dataset }: Side): Promise<EvaluationRecord['dataset']> =>
    datasetRecord(await evaluatedDataset(dataset, { dataset: join(BUNDLED, recipe.world[name]) }))
  return {
    dataset: await record(test),
    pool: await record(library),
    pools: poolText(made),
    focus: recipe.policies.at(-1)!.name,
    protocol: protocolRecord(model),
    leakage: leakageRecord(leakage),
  }
}
