import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { planAgreement, planTraining, SFT_SCHEMA, TRAIN_SCHEMA, trainFiles } from '@lever/grpo-trainer'
import type { TrainedFiles, TrainingPlan } from '@lever/grpo-trainer'
import { createSelector, evaluateSelectors, lookUpEmbeddings, policySelector } from '@lever/icl-eval'
import type { Selector } from '@lever/icl-eval'
import { byIds, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { encodeRlData } from '@lever/rl-dataset'
import type { RlCandidate, RlData } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { agreementLabels, buildPools } from '@lever/rl-generate'
import { readSettings } from '@lever/settings'
import { pairsOf, readEmbeddings } from '@lever/tensor-files'
import type { Embeddings } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import type { Example } from '@lever/vqa-dataset'
import { officialScore } from '@lever/vqa-eval'
import { answerWith, openVqaModel } from '@lever/vqa-model'
import { drawWorld, writeWorld } from '../fixtures/shapes-vqa/src/makers.ts'

/*
 * What a training delivers by the number of measured prompts (docs/results.md, "Never below the best baseline"):
 * `lever train --preset recommended` and what stands above its floor, on subsets of RL data, on the two bundled worlds, two
 * copying worlds that nobody has seen, and, where they are there, the measured outcomes of a real model and the simulated
 * composition task (`LEVER_DATA`). Every row is appended to `learning.jsonl` in `LEVER_LEARNING`; rows that are there are
 * not measured again.
 */

const FIXTURE = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const DATA = process.env['LEVER_DATA'] ?? fileURLToPath(new URL('../../shared/data/', import.meta.url))
const SHOTS = 2
const BASELINES = ['random', 'rices-image', 'rices-text', 'rices-both', 'mmr'] as const

/** Questions x pointers. */
type Budget = readonly [queries: number, pointers: number]
const BUDGETS: readonly Budget[] = [
  [0, 0],
  [40, 6],
  [40, 12],
  [80, 12],
  [300, 6],
  [600, 6],
  [600, 12],
  [600, 36],
]
/** 3,600 prompts spent on fewer queries with more pointers each; 600 x 6 is among the others. */
const EQUAL_BUDGETS: readonly Budget[] = [
  [100, 36],
  [300, 12],
]
const REAL_BUDGETS: readonly Budget[] = [32, 64, 128, 256, 512].map((queries) => [queries, 16] as const)

export interface LearningRow {
  readonly world: string
  readonly seed: number
  /** Prompts that were measured, queries x pointers; of a baseline 0. */
  readonly prompts: number
  readonly queries?: number
  readonly who: string
  /** What the checkpoint chooses by. */
  readonly chosen: string | null
  /** Accuracy of what is delivered, and of the trained policy alone, in per cent. */
  readonly accuracy: number
  readonly policy: number | null
  /** Of measured outcomes: difference of the accuracy to random in points, with its standard error. */
  readonly minusRandom?: readonly [difference: number, error: number]
}

interface World {
  readonly name: string
  readonly budgets: readonly Budget[]
  readonly data: RlData
  readonly embeddings: string
  readonly tables: { readonly queries: Embeddings; readonly candidates: Embeddings }
  /** Settings of `lever train` for these rewards. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Plan of a start that costs no prompt. */
  readonly free?: (out: string, seed: number) => TrainingPlan
  readonly baselines: () => Promise<Readonly<Record<string, readonly number[]>>>
  /** Accuracy 0..1 of a chooser, question by question. */
  readonly accuracy: (selector: Selector) => Promise<readonly number[]>
}

/** Measures what is not in `learning.jsonl` yet. */
export async function run({
  folder = process.env['LEVER_LEARNING'] ?? join(tmpdir(), 'lever-learning'),
  worlds = (
    process.env['LEVER_WORLDS'] ?? 'bundled composition okvqa-lm composition-sim fresh-1 fresh-2'
  ).split(' '),
  seeds = [0, 1, 2],
}: { folder?: string; worlds?: readonly string[]; seeds?: readonly number[] } = {}): Promise<LearningRow[]> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'learning.jsonl')
  const rows = existsSync(file)
    ? (await readFile(file, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LearningRow)
    : []
  const add = async (row: LearningRow): Promise<void> => {
    rows.push(row)
    await appendFile(file, `${JSON.stringify(row)}\n`)
  }
  for (const name of worlds) {
    const world = await openWorld(name, folder)
    if (world === undefined) continue
    if (!rows.some((row) => row.world === name && row.who === 'random')) {
      for (const [who, values] of Object.entries(await world.baselines())) {
        await add({
          world: name,
          seed: 0,
          prompts: 0,
          who,
          chosen: null,
          accuracy: percent(values),
          policy: null,
        })
      }
    }
    for (const seed of seeds) {
      for (const budget of world.budgets) {
        const isThere = rows.some(
          (row) =>
            row.world === name &&
            row.seed === seed &&
            row.queries === budget[0] &&
            row.prompts === budget[0] * budget[1],
        )
        if (isThere) continue
        const row = await measure(world, folder, seed, budget)
        if (row !== undefined) await add(row)
      }
    }
  }
  await writeFile(join(folder, 'learning.md'), tableOf(rows))
  return rows
}

/** The rows as the table of docs/results.md: one line for a world and a budget, its seeds in a cell. */
function tableOf(rows: readonly LearningRow[]): string {
  const worlds = [...new Set(rows.map(({ world }) => world))]
  const lines = worlds.flatMap((world) => {
    const own = rows.filter((row) => row.world === world)
    const trained = own.filter(({ who }) => who === 'lever train')
    const baselines = own.filter(({ who }) => who !== 'lever train')
    const budgets = [...new Set(trained.map(({ queries, prompts }) => `${queries} ${prompts}`))]
    const head = baselines.map(({ who, accuracy }) => `${who} ${accuracy}`).join(', ')
    return [
      `| ${world} | | baselines: ${head} | | |`,
      ...budgets.map((budget) => {
        const [queries, prompts] = budget.split(' ').map(Number)
        const same = trained
          .filter((row) => row.queries === queries && row.prompts === prompts)
          .sort((a, b) => a.seed - b.seed)
        const what = queries === 0 ? '0' : `${prompts} (${queries} x ${prompts! / queries!})`
        const cell = (of: (row: LearningRow) => string | number | null | undefined): string =>
          same.map((row) => String(of(row) ?? '-')).join(' / ')
        const gain = cell(({ minusRandom }) => minusRandom && `${minusRandom[0]} +- ${minusRandom[1]}`)
        return `| ${world} | ${what} | ${cell(({ accuracy }) => accuracy)} | ${cell(({ chosen }) => chosen)} | ${cell(({ policy }) => policy)} | ${gain} |`
      }),
    ]
  })
  return [
    '| world | prompts (queries x pointers) | delivered | chosen by | policy alone | delivered minus random |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines.map((line) => line.replace(/\| \| \|$/, '| | | |')),
    '',
  ].join('\n')
}

async function measure(
  world: World,
  folder: string,
  seed: number,
  budget: Budget,
): Promise<LearningRow | undefined> {
  const [queries, pointers] = budget
  const at = (what: string): string => join(folder, 'runs', `${world.name}-${seed}-${what}`)
  const free = at('free')
  if (world.free !== undefined && !existsSync(join(free, 'checkpoints/best.safetensors')))
    await toEnd(world.free(free, seed))
  const start = world.free === undefined ? undefined : join(free, 'checkpoints/best.safetensors')
  const row = { world: world.name, seed, prompts: queries * pointers, queries, who: 'lever train' }
  if (queries === 0) {
    if (start === undefined) return undefined
    const values = await answer(world, start)
    return { ...row, chosen: 'agreement', accuracy: percent(values), policy: percent(values) }
  }
  const out = at(`${queries}x${pointers}`)
  const rlData = `${out}.json`
  await writeFile(rlData, encodeRlData(subsetOf(world.data, queries, pointers, seed)).bytes)
  const settings = readSettings(TRAIN_SCHEMA, {
    ...{
      rlData: [rlData],
      embeddings: world.embeddings,
      out,
      seed,
      preset: 'recommended',
      keepEpochs: false,
    },
    ...world.settings,
    ...(start !== undefined && { init: start }),
  })
  const trained = await toEnd(planTraining(settings))
  const values = await answer(world, trained.checkpoint)
  const alone = await answer(world, trained.checkpoint, true)
  const random = (await world.baselines())['random']!
  return {
    ...row,
    chosen: trained.selection?.name ?? null,
    accuracy: percent(values),
    policy: percent(alone),
    minusRandom: difference(values, random),
  }
}

/** A part of the questions with a part of their pointers. */
function subsetOf(data: RlData, queries: number, pointers: number, seed: number): RlData {
  const random = createRandom(seed, 'learning', queries, pointers)
  const some = random.sample(data.queries, Math.min(queries, data.queries.length))
  return {
    ...data,
    queries: some
      .sort((a, b) => a.query_id - b.query_id)
      .map((query) => ({
        ...query,
        pointer_candidates: random.sample<RlCandidate>(
          query.pointer_candidates,
          Math.min(pointers, query.pointer_candidates.length),
        ),
      })),
  }
}

async function toEnd(plan: TrainingPlan): Promise<TrainedFiles> {
  const events = trainFiles(plan)
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) return value
  }
}

/** Accuracy of what a checkpoint delivers, or of its policy alone. */
async function answer(world: World, checkpoint: string, alone = false): Promise<readonly number[]> {
  const { floor, ...model } = (await readCheckpoint(checkpoint)).model
  const policy = await openPolicy({ ...model, ...(floor && !alone && { floor }) })
  const values = await world.accuracy(policySelector({ policy: byIds(policy, world.tables) }))
  await policy.close()
  return values
}

async function openWorld(name: string, folder: string): Promise<World | undefined> {
  if (['okvqa-lm', 'composition-sim'].includes(name)) return openMeasured(name)
  const root = ['bundled', 'composition'].includes(name) ? `${FIXTURE}world` : join(folder, name, 'world')
  if (!existsSync(root)) await writeWorld(root, drawWorld({ seed: name }), name)
  return openPlayed(name, root, join(folder, name))
}

/** A world that its model answers: embeddings and 36 pointers for each training question are made once. */
async function openPlayed(name: string, root: string, out: string): Promise<World> {
  const prefix = name === 'composition' ? 'composition-' : ''
  const model = `${FIXTURE}${prefix}model`
  const libraryName = name === 'composition' ? 'library' : 'train'
  const at = (split: string): string => join(out, `${split}.safetensors`)
  const lever = async (...args: string[]): Promise<void> => {
    await promisify(execFile)('node', [LEVER, ...args, '--quiet'], { maxBuffer: 1 << 28 })
  }
  for (const split of new Set([libraryName, 'train', 'test'])) {
    if (existsSync(at(split))) continue
    await lever('embed', '--dataset', `${root}/${prefix}${split}`, '--model', model, '--out', at(split))
  }
  const other = name === 'composition'
  if (!existsSync(join(out, 'gen/rl-data.json')))
    await lever(
      ...['generate', '--dataset', `${root}/${prefix}train`, '--model', model, '--embeddings', at('train')],
      ...(other ? ['--pool-dataset', `${root}/${prefix}library`, '--pool-embeddings', at('library')] : []),
      ...['--group-size', '36', '--threads', '1', '--workers', '1', '--out', join(out, 'gen')],
    )
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
    budgets: other ? [...BUDGETS, ...EQUAL_BUDGETS] : BUDGETS,
    data: await readRlData(join(out, 'gen/rl-data.json')),
    embeddings: at(libraryName),
    tables,
    settings: other ? { queryEmbeddings: at('train') } : {},
    ...(labels !== undefined && {
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
    baselines: () => (baselines ??= accuracies(BASELINES.map((one) => createSelector(one)))),
    accuracy: async (selector) => (await accuracies([selector]))[selector.name]!,
  }
}

/** Outcomes that were measured elsewhere, of every pointer of the test queries. */
async function openMeasured(name: string): Promise<World | undefined> {
  const at = (file: string): string => join(DATA, name, file)
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
    budgets: isReal ? REAL_BUDGETS : [[600, 24]],
    data,
    embeddings: at('embeddings.safetensors'),
    tables: { queries: table, candidates: table },
    settings: isReal ? { rewardMode: 'expected_accuracy' } : {},
    baselines: async () => Promise.resolve({ random }),
    accuracy,
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

/** Mean in per cent, one decimal. */
function percent(values: readonly number[]): number {
  return Math.round(1000 * meanOf(values)) / 10
}

/** Mean paired difference in points and its standard error. */
function difference(a: readonly number[], b: readonly number[]): [number, number] {
  const differences = a.map((x, i) => 100 * (x - b[i]!))
  const mean = meanOf(differences)
  const error = Math.sqrt(meanOf(differences.map((d) => (d - mean) ** 2)) / (a.length - 1))
  return [Math.round(10 * mean) / 10, Math.round(10 * error) / 10]
}
