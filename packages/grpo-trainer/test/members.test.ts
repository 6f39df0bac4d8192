import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { writeRlData } from '@lever/rl-dataset/node'
import type { RlData } from '@lever/rl-dataset'
import { readSettings } from '@lever/settings'
import { writeEmbeddings } from '@lever/tensor-files'
import { planTraining, TRAIN_SCHEMA, trainFiles } from '../src/index.ts'
import type { TrainedFiles } from '../src/index.ts'
import { hashes } from './helpers.ts'

const folder = mkdtempSync(join(tmpdir(), 'members-'))
const at = (name: string): string => join(folder, name)
const LIBRARY = Array.from({ length: 40 }, (_, i) => 100 + i)
const QUERIES = Array.from({ length: 60 }, (_, i) => i)
const D = 3
const random = createRandom(4)
/** What a demonstration is worth to every query alike; all embeddings are equal. */
const worth = new Map(LIBRARY.map((id) => [id, random.next()]))

const ids = [...QUERIES, ...LIBRARY]
await writeEmbeddings(at('e.safetensors'), {
  ...{ ids, data: new Float32Array(ids.length * D).fill(1), dim: D },
  ...{ imageDim: 0, model: 'toy', modelHash: '', kind: 'both', source: 'toy' },
})
const data: RlData = {
  meta: null,
  queries: QUERIES.map((id) => {
    const pool = random.sample(LIBRARY, 10)
    return {
      query_id: id,
      query: { query_id: id, image_id: id },
      candidate_pool_ids: pool,
      pointer_candidates: pool.map((candidate, position) => ({
        ...{ pointer: [position], pointer_global: [candidate], vqa_eval_mode: 'file' as const },
        ...{ vqa_correct: 0, vqa_acc_score: worth.get(candidate)! },
      })),
    }
  }),
}
await writeRlData(at('rl.json'), data)

async function run(out: string, more: object = {}, stopAfter = Infinity): Promise<TrainedFiles> {
  const given = { rlData: [at('rl.json')], embeddings: at('e.safetensors'), preset: 'recommended' as const }
  const small = { hidden: 4, listwiseEpochs: 12, listwiseTemp: 0.1, listwiseLr: 0.02, saveEvery: 3 }
  const settings = readSettings(TRAIN_SCHEMA, { ...given, ...small, ...more, out: at(out) })
  const controller = new AbortController()
  const training = trainFiles(planTraining(settings), { signal: controller.signal })
  let steps = 0
  for (;;) {
    const { done, value } = await training.next()
    if (done === true) return value
    if (value.type === 'step' && ++steps >= stopAfter) controller.abort()
  }
}

test('a number per demonstration learns what embeddings do not say', async () => {
  const without = await run('without')
  const result = await run('with', { memberBias: true })
  expect(result.best.metrics['eval/reward_ranked']!).toBeGreaterThan(
    without.best.metrics['eval/reward_ranked']! + 0.1,
  )
  const { model } = await readCheckpoint(result.checkpoint)
  const { members } = model
  expect(members!.ids).toEqual(LIBRARY)
  expect(members!.counts.reduce((a, b) => a + b, 0)).toBe(54 * 10)
  const bias = Array.from(model.parameters.get('member.bias')!.values.slice(1))
  const best = LIBRARY.toSorted((a, b) => worth.get(b)! - worth.get(a)!).slice(0, 8)
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
  expect(mean(best.map((id) => bias[LIBRARY.indexOf(id)]!))).toBeGreaterThan(mean(bias) + 0.1)

  const again = await run('further', { hidden: undefined, init: result.checkpoint, listwiseEpochs: 1 })
  expect((await readCheckpoint(again.checkpoint)).model.members).toEqual(members)
}, 60_000)

test('interrupted, it continues to the same bytes', async () => {
  await run('whole', { memberBias: true })
  expect((await run('parts', { memberBias: true }, 10)).status).toBe('interrupted')
  await run('parts', { memberBias: true })
  expect(await hashes(at('parts/checkpoints'))).toEqual(await hashes(at('whole/checkpoints')))
}, 60_000)
