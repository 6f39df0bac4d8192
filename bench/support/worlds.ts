import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { planAgreement, SFT_SCHEMA } from '@lever/grpo-trainer'
import type { MeasureChoices, TrainingPlan } from '@lever/grpo-trainer'
import { createSelector, evaluateSelectors, lookUpEmbeddings, policySelector } from '@lever/icl-eval'
import type { Selector } from '@lever/icl-eval'
import { byIds, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { RlData } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { agreementLabels, buildPools } from '@lever/rl-generate'
import { readSettings } from '@lever/settings'
import { pairsOf, readEmbeddings } from '@lever/tensor-files'
import type { Embeddings } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import type { Example } from '@lever/vqa-dataset'
import { officialScore } from '@lever/vqa-eval'
import { answerWith, openVqaModel } from '@lever/vqa-model'
import { drawComposition, drawWorld, writeWorld } from '../../fixtures/shapes-vqa/src/makers.ts'
import { writeCompositionSim } from './composition-sim.ts'
import { compositionTruth } from './composition-truth.ts'

const FIXTURE = fileURLToPath(new URL('../../fixtures/shapes-vqa/', import.meta.url))
const LEVER = fileURLToPath(new URL('../../apps/cli/bin/lever.js', import.meta.url))
const DATA = process.env['LEVER_DATA'] ?? fileURLToPath(new URL('../../../shared/data/', import.meta.url))
const SHOTS = 2
const BASELINES = ['random', 'rices-image', 'rices-text', 'rices-both', 'mmr'] as const

/** A world to learn in: `bundled`, `fresh-N`, `composition`, `composition-fresh-N`, `composition-sim`, `composition-sim-N`, `okvqa-lm`. */
export interface World {
  readonly name: string
  readonly data: RlData
  readonly embeddings: string
  readonly tables: { readonly queries: Embeddings; readonly candidates: Embeddings }
  /** The same pointers with their expected accuracies beside the accuracies; undefined where nothing measures them. */
  readonly withExpected?: () => Promise<RlData>
  /** Settings of `lever train` for these rewards. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Labels that cost no prompt, and the plan of a start that is trained on them. */
  readonly labels?: RlData
  readonly free?: (out: string, seed: number) => TrainingPlan
  readonly baselines: () => Promise<Readonly<Record<string, readonly number[]>>>
  /** Asks about choices for training questions, where any can be answered. */
  readonly measure?: MeasureChoices
  /** Accuracy 0..1 of a chooser, question by question. */
  readonly accuracy: (selector: Selector) => Promise<readonly number[]>
}

/** Accuracy of what a checkpoint delivers, or of its policy alone. */
export async function answer(world: World, checkpoint: string, alone = false): Promise<readonly number[]> {
  const { floor, ...model } = (await readCheckpoint(checkpoint)).model
  const policy = await openPolicy({ ...model, ...(floor && !alone && { floor }) })
  const values = await world.accuracy(policySelector({ policy: byIds(policy, world.tables) }))
  await policy.close()
  return values
}

export async function openWorld(name: string, folder: string): Promise<World | undefined> {
  if (name === 'okvqa-lm' || name === 'composition-sim') return openMeasured(name, join(DATA, name))
  if (name.startsWith('composition-sim-')) {
    const at = join(folder, name)
    if (!existsSync(join(at, 'embeddings.safetensors'))) await writeCompositionSim(at, name)
    return openMeasured(name, at)
  }
  const root = ['bundled', 'composition'].includes(name) ? `${FIXTURE}world` : join(folder, name, 'world')
  const draw = name.startsWith('composition') ? drawComposition : drawWorld
  if (!existsSync(root)) await writeWorld(root, draw({ seed: name }), name)
  return openPlayed(name, root, join(folder, name))
}

/** A world that its model answers: embeddings and 36 pointers for each training question are made once. */
async function openPlayed(name: string, root: string, out: string): Promise<World> {
  const other = name.startsWith('composition')
  const prefix = other ? 'composition-' : ''
  const model = `${FIXTURE}${prefix}model`
  const libraryName = other ? 'library' : 'train'
  const at = (split: string): string => join(out, `${split}.safetensors`)
  const lever = async (...args: string[]): Promise<void> => {
    await promisify(execFile)('node', [LEVER, ...args, '--quiet'], { maxBuffer: 1 << 28 })
  }
  for (const split of new Set([libraryName, 'train', 'test'])) {
    if (existsSync(at(split))) continue
    await lever('embed', '--dataset', `${root}/${prefix}${split}`, '--model', model, '--out', at(split))
  }
  const measured = async (reward: 'accuracy' | 'both', folder: string): Promise<RlData> => {
    const rlData = join(out, folder, 'rl-data.json')
    if (!existsSync(rlData))
      await lever(
        ...['generate', '--dataset', `${root}/${prefix}train`, '--model', model, '--embeddings', at('train')],
        ...(other ? ['--pool-dataset', `${root}/${prefix}library`, '--pool-embeddings', at('library')] : []),
        ...['--group-size', '36', '--threads', '1', '--workers', '1', '--reward', reward],
        ...['--out', join(out, folder)],
      )
    return readRlData(rlData)
  }
  const read = async (split: string): Promise<readonly Example[]> =>
    (
      await readDataset({
        questions: `${root}/${prefix}${split}/questions.json`,
        annotations: `${root}/${prefix}${split}/annotations.json`,
        images: `${root}/images`,
      })
    ).examples
  const [library, train, test] = await Promise.all([read(libraryName), read('train'), read('test')])
  const [candidates, queries] = await Promise.all([
    readEmbeddings(at(libraryName)),
    readEmbeddings(at('test')),
  ])
  const tables = { queries, candidates }
  const kinds = pairsOf(tables)
  const { byQuery } = await buildPools({
    queries: test,
    candidates: library,
    method: 'mixed',
    features: kinds,
  })
  const byId = new Map(library.map((example) => [example.id, example]))
  const queryOf = new Map(train.map((example) => [example.id, example]))
  const pools = new Map(Array.from(byQuery, ([id, ids]) => [id, ids.map((one) => byId.get(one)!)] as const))
  const opened = await openVqaModel({ backend: 'onnx', model, workers: 1, threads: 1 })
  const score = officialScore()
  const accuracies = async (selectors: readonly Selector[]): Promise<Record<string, number[]>> => {
    const { rows } = await evaluateSelectors({
      ...{ queries: test, library, pools, selectors, shots: [SHOTS], answer: answerWith(opened), score },
      ...{ embeddings: lookUpEmbeddings(kinds), batchSize: 2048 },
    })
    return Object.fromEntries(
      selectors.map((one) => [
        one.name,
        test.map(({ id }) =>
          meanOf(
            rows
              .filter((row) => row.query === id && row.selector === one.name)
              .map((row) => row.accuracy ?? 0),
          ),
        ),
      ]),
    )
  }
  let baselines: Promise<Record<string, number[]>> | undefined
  const trainPools = (seed: number): ReturnType<typeof buildPools> =>
    readEmbeddings(at('train')).then((own) =>
      buildPools({
        queries: train,
        candidates: library,
        method: 'mixed',
        seed,
        features: pairsOf({ queries: own, candidates }),
      }),
    )
  const labels = other
    ? undefined
    : agreementLabels({
        queries: train,
        candidates: library,
        pools: await trainPools(0),
        score,
      }).data
  return {
    name,
    data: await measured('accuracy', 'gen'),
    withExpected: () => measured('both', 'gen-both'),
    embeddings: at(libraryName),
    tables,
    settings: other ? { queryEmbeddings: at('train') } : {},
    ...(labels !== undefined && {
      labels,
      free: (path: string, seed: number) =>
        planAgreement(
          readSettings(SFT_SCHEMA, {
            embeddings: at('train'),
            out: path,
            seed,
            target: 'agreement',
            keepEpochs: false,
          }),
          labels,
        ),
    }),
    async measure(choices) {
      const prompts = choices.map(({ queryId, pointer }) => ({
        query: queryOf.get(queryId)!,
        demonstrations: pointer.map((id) => byId.get(id)!),
      }))
      const answers = await answerWith(opened)(prompts, { signal: new AbortController().signal })
      return answers.map(({ text }, i) => ({ accuracy: score(text, prompts[i]!.query).accuracy }))
    },
    baselines: () => (baselines ??= accuracies(BASELINES.map((one) => createSelector(one)))),
    accuracy: async (selector) => (await accuracies([selector]))[selector.name]!,
  }
}

/** Outcomes that were measured elsewhere, of every pointer of the test queries. */
async function openMeasured(name: string, folder: string): Promise<World | undefined> {
  const at = (file: string): string => join(folder, file)
  if (!existsSync(at('embeddings.safetensors'))) return undefined
  const isReal = name === 'okvqa-lm'
  const [data, test, table] = await Promise.all([
    readRlData(at(isReal ? 'train-singles.json' : 'train.json.gz')),
    readRlData(at(isReal ? 'dev-singles.json' : 'test.json.gz')),
    readEmbeddings(at('embeddings.safetensors')),
  ])
  const shots = isReal ? 1 : SHOTS
  const random = test.queries.map(({ pointer_candidates: all }) =>
    meanOf(all.map((one) => one.vqa_acc_score ?? 0)),
  )
  const accuracy: World['accuracy'] = async (selector) => {
    const example = (id: number): Example => ({ id }) as Example
    const contexts = test.queries.map(({ query_id: id, candidate_pool_ids: pool }) => ({
      ...{ query: example(id), pool: pool!.map(example), random: createRandom(0) },
      embeddings: {},
    }))
    const chosen = await selector.selectMany!(contexts, shots)
    return test.queries.map(({ pointer_candidates: all }, i) => {
      const key = chosen[i]!.join()
      return all.find(({ pointer_global: ids }) => ids!.join() === key)!.vqa_acc_score!
    })
  }
  return {
    name,
    data,
    embeddings: at('embeddings.safetensors'),
    tables: { queries: table, candidates: table },
    ...(isReal && { withExpected: () => Promise.resolve(data) }),
    settings: isReal ? { rewardMode: 'expected_accuracy' } : {},
    ...(!isReal && { measure: compositionTruth(table, test) }),
    baselines: async () => Promise.resolve({ random }),
    accuracy,
  }
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

/** Mean in per cent, one decimal. */
export function percent(values: readonly number[]): number {
  return Math.round(1000 * meanOf(values)) / 10
}
