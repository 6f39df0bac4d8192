import { mkdtempSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { isFromAgreement, isUntrained, readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { RlData } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { readSettings } from '@lever/settings'
import { writeEmbeddings } from '@lever/tensor-files'
import { planAgreement, planSft, SFT_SCHEMA, trainFiles } from '../src/index.ts'
import type { TrainedFiles, TrainFilesEvent } from '../src/index.ts'
import { hashes } from './helpers.ts'

const folder = mkdtempSync(join(tmpdir(), 'agreement-'))
const POOL = Array.from({ length: 12 }, (_, i) => 100 + i)
const QUERIES = Array.from({ length: 40 }, (_, i) => i)
const D = 6
/** An embedding says the kind of an id. Candidates of the next kind agree with a query, so likeness misleads. */
const kind = (id: number): number => id % 3
const agrees = (query: number, id: number): boolean => (kind(query) + 1) % 3 === kind(id)

await writeEmbeddings(join(folder, 'e.safetensors'), {
  ids: [...QUERIES, ...POOL],
  data: Float32Array.from([...QUERIES, ...POOL].flatMap((id) => embedding(id))),
  dim: D,
  imageDim: 0,
  model: 'toy',
  modelHash: '',
  kind: 'both',
  source: 'toy',
})

function embedding(id: number): number[] {
  const random = createRandom(3, id)
  return Array.from({ length: D }, (_, d) => (d === kind(id) ? 1 : 0) + 0.1 * random.normal())
}

function labels(isRight: (query: number, id: number) => boolean): RlData {
  return {
    meta: { labels: 'agreement' },
    queries: QUERIES.map((id) => ({
      query_id: id,
      query: { query_id: id, image_id: id },
      candidate_pool_ids: POOL,
      pointer_candidates: POOL.map((candidate, position) => {
        const right = isRight(id, candidate)
        return {
          pointer: [position],
          pointer_global: [candidate],
          vqa_correct: right ? 1 : 0,
          vqa_acc_score: right ? 1 : 0,
          vqa_eval_mode: 'file' as const,
        }
      }),
    })),
  }
}

async function run(
  out: string,
  data: RlData,
  more: object = {},
): Promise<{ events: TrainFilesEvent[]; result: TrainedFiles }> {
  const given = {
    embeddings: join(folder, 'e.safetensors'),
    target: 'agreement' as const,
    epochs: 30,
    valRatio: 0.25,
  }
  const settings = readSettings(SFT_SCHEMA, { ...given, ...more, out: join(folder, out) })
  const events: TrainFilesEvent[] = []
  const training = trainFiles(planAgreement(settings, data))
  for (;;) {
    const { done, value } = await training.next()
    if (done === true) return { events, result: value }
    events.push(value)
  }
}

test('a policy learns from labels, and its checkpoint says where they come from', async () => {
  const { result } = await run('learns', labels(agrees))
  expect(result.best.metrics['eval/reward']).toBeGreaterThan(1.9)
  const { info } = await readCheckpoint(result.checkpoint)
  expect(isFromAgreement(info)).toBe(true)
  expect(isUntrained(info)).toBe(false)
  expect(info.protocolHash).toBeUndefined()
  const manifest = JSON.parse(await readFile(join(result.out, 'manifest.json'), 'utf8')) as {
    rlData: string[]
  }
  expect(manifest.rlData).toEqual([join(result.out, 'labels.json')])
  const kept = await readRlData(manifest.rlData[0]!)
  expect(kept.queries.map(({ query_id }) => query_id)).toEqual(QUERIES)

  const before = await hashes(join(result.out, 'checkpoints'))
  const again = await run('learns', labels(agrees))
  expect(await hashes(join(again.result.out, 'checkpoints'))).toEqual(before)
  await expect(
    run(
      'learns',
      labels(() => false),
    ),
  ).rejects.toThrow('another configuration')
})

test('validation that tells nothing apart selects nothing', async () => {
  const learnt = new Set(
    (await run('split', labels(agrees), { epochs: 1 })).events.flatMap((event) =>
      event.type === 'loaded' ? event.training.data.groups.map(({ queryId }) => queryId) : [],
    ),
  )
  expect(learnt.size).toBe(30)
  const { events, result } = await run(
    'silent',
    labels((query, id) => learnt.has(query) && agrees(query, id)),
  )
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
  expect(warnings.join()).toContain('right for any of the 10 validation groups')
  expect(result.best).toMatchObject({ phase: 'listwise', epoch: 30 })
})

test('agreement and files of labels exclude each other', () => {
  const given = { embeddings: 'e', out: 'o' }
  const beams = readSettings(SFT_SCHEMA, { ...given, target: 'agreement', rlData: ['beams.json'] })
  expect(() => planAgreement(beams, labels(agrees))).toThrow('leave out --rl-data')
  expect(() => planSft(readSettings(SFT_SCHEMA, { ...given, target: 'agreement' }))).toThrow('--dataset')
  expect(() => planSft(readSettings(SFT_SCHEMA, given))).toThrow('--rl-data is missing')
})
