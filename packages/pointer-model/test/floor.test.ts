import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import {
  baselineRanking,
  byIds,
  createModel,
  openPolicy,
  readCheckpoint,
  standardised,
  startingModel,
  writeCheckpoint,
} from '../src/index.ts'
import type { Baseline, Floor, FloorQuery, PointerModel } from '../src/index.ts'
import { baselineChoice } from '../src/floor/baselines.ts'

const model = createModel({ architecture: 'mlp-gru', settings: { dim: 4, hidden: 8, inner: 8 }, seed: 2 })

/** Candidates 11 to 15 around query 10: 11 and 12 are alike and the nearest, 13 less near, 15 opposite. */
const rows = [
  [1, 0, 0, 0],
  [0.9, 0.1, 0, 0],
  [0.9, 0.11, 0, 0],
  [0.7, 0, 0.7, 0],
  [0, 0, 0, 1],
  [-1, 0, 0, 0],
]
const table = { ids: [10, 11, 12, 13, 14, 15], data: Float32Array.from(rows.flat()), dim: 4 }
const poolIds = [11, 12, 13, 14, 15]
const asked: FloorQuery = {
  query: table.data.subarray(0, 4),
  pool: poolIds.map((_, n) => table.data.subarray(4 * (n + 1), 4 * (n + 2))),
  ids: poolIds,
  queryId: 10,
}
const rices: Baseline = { name: 'rices-both', kind: 'similarity', columns: [0, 4] }
const effects = { '14': 0.3, '15': 0.2, '11': -0.1 }
const fixed: Baseline = { name: 'static', kind: 'static', effects }

describe('baselines', () => {
  test('similarity puts the nearest last, and reads only its columns', () => {
    expect(Array.from(baselineChoice(rices, asked, 3))).toEqual([2, 1, 0])
    expect(Array.from(baselineChoice({ ...rices, columns: [2, 4] }, asked, 1, [0]))).not.toEqual([0])
  })

  test('mmr does not choose twins', () => {
    expect(Array.from(baselineChoice({ name: 'mmr', kind: 'mmr' }, asked, 2))).toEqual([2, 0])
  })

  test('static takes the largest effects; an unknown candidate counts as average', () => {
    expect(Array.from(baselineChoice(fixed, asked, 3))).toEqual([1, 4, 3])
    expect(Array.from(baselineChoice(fixed, asked, 2, [3]))).toEqual([1, 4])
  })

  test('random depends on the query alone', () => {
    const any: Baseline = { name: 'random', kind: 'random' }
    expect(baselineChoice(any, asked, 3)).toEqual(baselineChoice(any, asked, 3))
    const choices = Array.from({ length: 40 }, (_, queryId) =>
      baselineChoice(any, { ...asked, queryId }, 1).join(),
    )
    expect(new Set(choices).size).toBe(5)
  })

  test.each([rices, fixed, { name: 'mmr', kind: 'mmr' } as const])('%j ranks its own choice first', (one) => {
    const pairs = [0, 1, 2, 3, 4].flatMap((a) => [0, 1, 2, 3, 4].filter((b) => b !== a).map((b) => [a, b]))
    const ranking = Array.from(baselineRanking(one, asked, pairs))
    const choice = pairs.findIndex((pair) => pair.join() === baselineChoice(one, asked, 2).join())
    expect(ranking[choice]).toBe(Math.max(...ranking))
  })
})

describe('a checkpoint with a floor', () => {
  const choose = async (floor?: Floor): Promise<number[]> => {
    const policy = await openPolicy({ ...model, ...(floor && { floor }) })
    const [chosen] = await byIds(policy, { queries: table }).choose([{ queryId: 10, poolIds }], { shots: 3 })
    await policy.close()
    return chosen!
  }

  test('chooses by the baseline, by the policy, or by both', async () => {
    expect(await choose({ baseline: rices })).toEqual([13, 12, 11])
    const alone = await choose()
    expect(await choose({ baseline: rices, weight: 1e-6 })).toEqual(alone)
    expect(await choose({ baseline: rices, weight: 1e6 })).toEqual([11, 12, 13])
  })

  test('greedy choices with an offset of 0 are the greedy choices', async () => {
    const policy = await openPolicy(model)
    const input = { queries: table, items: [{ row: 0, pool: [1, 2, 3, 4, 5] }] }
    const [plain] = await policy.greedy(input, { shots: 3 })
    const [offset] = await policy.greedyWith(input, { shots: 3, offsets: [new Float64Array(5)] })
    expect(offset).toEqual(plain!.pointer)
    await policy.close()
  })

  test('keeps it in the file; training starts without it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lever-floor-'))
    const path = join(folder, 'best.safetensors')
    const floor: Floor = { baseline: fixed, weight: 2 }
    const selection = { by: 'mixture', name: 'x', measure: 'accuracy', compared: [] } as const
    await writeCheckpoint(path, { model: { ...model, floor }, info: { phase: 'rce', selection } })
    const read: { model: PointerModel; info: object } = await readCheckpoint(path)
    expect(read.model.floor).toEqual(floor)
    expect(read.info).toMatchObject({ selection })
    const started = await startingModel({ checkpoint: path, architecture: 'mlp-gru', dim: 4, seed: 0 })
    expect(started.model).toEqual(model)
    expect(started.floor).toEqual(floor)
    await rm(folder, { recursive: true })
  })
})

test('standardised scores of a pool', () => {
  expect(Array.from(standardised(Float64Array.of(1, 3)))).toEqual([-1, 1])
  expect(Array.from(standardised(Float64Array.of(2, 2)))).toEqual([0, 0])
})
