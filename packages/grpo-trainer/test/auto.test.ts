import { mkdtempSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { encodeRlData } from '@lever/rl-dataset'
import type { RlData, RlMeta } from '@lever/rl-dataset'
import { readSettings } from '@lever/settings'
import { writeEmbeddings } from '@lever/tensor-files'
import { AUTO_CANDIDATES, planTraining, TRAIN_SCHEMA, trainFiles } from '../src/index.ts'
import type {
  MeasureChoices,
  TrainedFiles,
  TrainFilesEvent,
  TrainFilesOptions,
  TrainingPlan,
} from '../src/index.ts'
import { hashes } from './helpers.ts'

const folder = mkdtempSync(join(tmpdir(), 'auto-'))
const POOL = Array.from({ length: 9 }, (_, i) => 100 + i)
const QUERIES = Array.from({ length: 90 }, (_, i) => i)
const D = 6
/** Candidates of the next kind help a query, so likeness misleads. */
const kind = (id: number): number => id % 3
const helps = (query: number, id: number): boolean => (kind(query) + 1) % 3 === kind(id)
const files = { rlData: [join(folder, 'rl.json')], embeddings: join(folder, 'e.safetensors'), valRatio: 0.5 }

await writeEmbeddings(join(folder, 'e.safetensors'), {
  ids: [...QUERIES, ...POOL],
  data: Float32Array.from(
    [...QUERIES, ...POOL].flatMap((id) => {
      const random = createRandom(3, id)
      return Array.from({ length: D }, (_, d) => (d === kind(id) ? 1 : 0) + 0.1 * random.normal())
    }),
  ),
  ...{ dim: D, imageDim: 0, model: 'toy', modelHash: '', kind: 'both', source: 'toy' },
})
await writeFile(files.rlData[0]!, encodeRlData(dataOf(QUERIES, helps)).bytes)

function dataOf(queries: readonly number[], right: typeof helps, meta: RlMeta = {}): RlData {
  return {
    meta,
    queries: queries.map((id) => ({
      query_id: id,
      query: { query_id: id, image_id: id },
      candidate_pool_ids: POOL,
      pointer_candidates: POOL.map((candidate, position) => ({
        pointer: [position],
        pointer_global: [candidate],
        vqa_correct: right(id, candidate) ? (1 as const) : (0 as const),
        vqa_acc_score: right(id, candidate) ? 1 : 0,
        vqa_eval_mode: 'file' as const,
      })),
    })),
  }
}

async function run(
  plan: TrainingPlan,
  options: TrainFilesOptions = {},
): Promise<{ events: TrainFilesEvent[]; result: TrainedFiles }> {
  const events: TrainFilesEvent[] = []
  const training = trainFiles(plan, options)
  for (;;) {
    const { done, value } = await training.next()
    if (done === true) return { events, result: value }
    events.push(value)
  }
}

const planOf = (out: string, more: object): TrainingPlan =>
  planTraining(readSettings(TRAIN_SCHEMA, { ...files, out: join(folder, out), ...more }))
const auto = { preset: 'auto', listwiseEpochs: 15 } as const

test('auto trains every candidate, delivers one of them, and says which; again gives the same bytes', async () => {
  const { events, result } = await run(planOf('auto', auto))
  const { name, by, compared } = result.selection!
  expect(by).toMatch(/policy|mixture/)
  const names = Object.keys(AUTO_CANDIDATES)
  const policies = compared.filter((one) => one.by === 'policy')
  expect(policies.map((one) => one.name.split(':')[0])).toEqual(names)
  expect(policies.every(({ queries }) => queries === 45)).toBe(true)
  const winner = names.find((one) => name.startsWith(`${one}: `))!
  const { model, info } = await readCheckpoint(result.checkpoint)
  expect(model.architecture).toBe(AUTO_CANDIDATES[winner]!.architecture)
  expect(info.selection!.name).toBe(name)
  const own = await readCheckpoint(join(result.out, 'candidates', winner, 'checkpoints/best.safetensors'))
  expect(model.parameters).toEqual(own.model.parameters)
  expect(events.filter(({ type }) => type === 'loaded')).toHaveLength(names.length)

  const before = await hashes(join(result.out, 'checkpoints'))
  await run(planOf('auto', auto))
  expect(await hashes(join(result.out, 'checkpoints'))).toEqual(before)
})

test('with a model at hand the finalists, the last epoch too, are asked what they choose; again gives the same bytes', async () => {
  let asked = 0
  const measure: MeasureChoices = (choices) => {
    asked += choices.length
    return Promise.resolve(
      choices.map(({ queryId, pointer }) => ({ accuracy: helps(queryId, pointer[0]!) ? 1 : 0 })),
    )
  }
  // Half of the pool was measured, so that choices are left to ask about.
  const rlData = join(folder, 'half.json')
  const half = dataOf(QUERIES, helps)
  const queries = half.queries.map((one) => ({
    ...one,
    pointer_candidates: one.pointer_candidates.filter(
      ({ pointer }) => (pointer[0]! + one.query_id) % 2 === 0,
    ),
  }))
  await writeFile(rlData, encodeRlData({ ...half, queries }).bytes)
  const given = { preset: 'recommended', rlData: [rlData], listwiseEpochs: 15 }
  const plan = { ...planOf('greedy', given), validateGreedy: 40 }
  await expect(run(plan)).rejects.toThrow('give `measure`')
  const { result } = await run(plan, { measure })
  const { name, by, greedy } = result.selection!
  expect(greedy).toMatchObject({ queries: 40, prompts: asked })
  expect(asked).toBeGreaterThan(0)
  expect(by).toMatch(/policy|mixture/)
  const names = greedy!.compared.filter((one) => one.by === 'policy').map((one) => one.name)
  expect(names).toEqual([...new Set([`listwise, epoch ${result.best.epoch}`, 'listwise, epoch 15'])])
  expect(greedy!.compared.find((one) => one.name === name)!.value).toBeGreaterThan(0.8)
  const { info } = await readCheckpoint(result.checkpoint)
  expect(name).toContain(`${info.phase}, epoch ${info.epoch}`)
  const before = await hashes(join(result.out, 'checkpoints'))
  await run(plan, { measure })
  expect(await hashes(join(result.out, 'checkpoints'))).toEqual(before)
})

test.each([
  [{ architecture: 'gru' }, '--architecture does not go with --preset auto'],
  [{ init: 'x.safetensors' }, '--init does not go with --preset auto'],
  [{ floor: false }, '--no-floor does not go with --preset auto'],
])('auto refuses %j', (more, message) => {
  expect(() => planOf('refused', { ...auto, ...more })).toThrow(message)
})

test('with few validation queries a policy is judged on all: one that learnt its own by heart is not delivered', async () => {
  const random = createRandom(5)
  const lottery = new Map(QUERIES.map((id) => [id, new Set(random.sample(POOL, 3))]))
  const rlData = join(folder, 'lottery.json')
  await writeFile(
    rlData,
    encodeRlData(dataOf(QUERIES.slice(0, 30), (query, id) => lottery.get(query)!.has(id))).bytes,
  )
  const { result } = await run(
    planOf('lottery', { preset: 'recommended', rlData: [rlData], listwiseEpochs: 4 }),
  )
  expect(result.selection).toMatchObject({ by: 'baseline', name: 'random' })
  expect(result.selection!.compared.find(({ by }) => by === 'policy')?.queries ?? 30).toBe(30)
})

test('labels that cost no prompt are trained on first, and delivered where they are best', async () => {
  const few = join(folder, 'few.json')
  await writeFile(few, encodeRlData(dataOf(QUERIES.slice(0, 6), helps)).bytes)
  const plan = planOf('free', { preset: 'recommended', rlData: [few], listwiseEpochs: 0 })
  const free = dataOf(QUERIES, helps, { labels: 'agreement' })
  const { result } = await run({ ...plan, free })
  expect(result.selection).toMatchObject({ by: 'start', name: 'agreement' })
  expect((await readCheckpoint(join(result.out, 'agreement/checkpoints/best.safetensors'))).info.labels).toBe(
    'agreement',
  )
})
