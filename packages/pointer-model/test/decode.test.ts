import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { createModel, openPolicy, randomPointers } from '../src/index.ts'
import type { Policy } from '../src/index.ts'
import { randomInput, randomMatrix } from './world.ts'

const matrix = randomMatrix(30, 10)
const input = randomInput(matrix, [5])
let policy: Policy
beforeAll(async () => {
  policy = await openPolicy(createModel({ settings: { dim: 10, hidden: 6, temperature: 0.5 }, seed: 2 }))
})
afterAll(() => policy.close())

describe('sampling', () => {
  test('draws pointers as often as they are probable', async () => {
    const count = 20_000
    const [drawn] = await policy.sample(input, { shots: 2, count, randoms: [createRandom(1)] })
    const [all] = await policy.beam(input, { shots: 2, width: 20 })
    const seen = new Map<string, number>()
    for (const { pointer } of drawn!) seen.set(pointer.join(), (seen.get(pointer.join()) ?? 0) + 1)
    for (const { pointer, logProb } of all!) {
      const p = Math.exp(logProb)
      const share = (seen.get(pointer.join()) ?? 0) / count
      expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / count))
    }
  })

  test('reports the log-probability of the policy and that of the draw', async () => {
    const options = { shots: 2, count: 50, temperature: 2, randoms: [createRandom(2)] }
    const [drawn] = await policy.sample(input, options)
    const [own] = await policy.logProbs(input, [drawn!.map(({ pointer }) => pointer)])
    drawn!.forEach(({ logProb }, i) => expect(logProb).toBeCloseTo(own![i]!, 5))
    expect(drawn!.some(({ logProb, sampledLogProb }) => Math.abs(logProb - sampledLogProb) > 0.05)).toBe(true)
    const [plain] = await policy.sample(input, { shots: 2, count: 5, randoms: [createRandom(3)] })
    for (const { logProb, sampledLogProb } of plain!) expect(sampledLogProb).toBeCloseTo(logProb, 5)
  })

  test('a small topP leaves the greedy pointer, with certainty', async () => {
    const [greedy] = await policy.greedy(input, { shots: 3 })
    const [drawn] = await policy.sample(input, { shots: 3, count: 5, topP: 1e-9, randoms: [createRandom(4)] })
    for (const { pointer, sampledLogProb, logProb } of drawn!) {
      expect(pointer).toEqual(greedy!.pointer)
      expect(sampledLogProb).toBeCloseTo(0, 10)
      expect(logProb).toBeCloseTo(greedy!.logProb, 6)
    }
  })

  test('a query draws from its own stream, whatever the batch', async () => {
    const many = randomInput(matrix, [5, 5, 5])
    const options = { shots: 2, count: 4 }
    const randoms = [1, 2, 3].map((i) => createRandom(7, i))
    const together = await policy.sample(many, { ...options, randoms })
    const alone = await policy.sample(
      { ...many, items: [many.items[2]!] },
      { ...options, randoms: [createRandom(7, 3)] },
    )
    expect(alone[0]!.map(({ pointer }) => pointer)).toEqual(together[2]!.map(({ pointer }) => pointer))
  })
})

test('a greedy pointer says how likely each choice was at its step', async () => {
  const [greedy] = await policy.greedy(input, { shots: 3 })
  const { pointer, stepLogProbs, logProb } = greedy!
  const [begun] = await policy.logProbs(input, [[1, 2, 3].map((k) => pointer.subarray(0, k))])
  const sums = Array.from(stepLogProbs, (_, step) => stepLogProbs.slice(0, step + 1).reduce((a, b) => a + b))
  sums.forEach((sum, step) => expect(sum).toBeCloseTo(begun![step]!, 5))
  expect(sums).toHaveLength(3)
  expect(logProb).toBe(sums[2])
})

describe('beam search', () => {
  test('width 1 is greedy, the whole width finds the best', async () => {
    const [greedy] = await policy.greedy(input, { shots: 3 })
    const [one] = await policy.beam(input, { shots: 3, width: 1 })
    expect(one!.map(({ pointer }) => pointer)).toEqual([greedy!.pointer])
    expect(one![0]!.logProb).toBeCloseTo(greedy!.logProb, 12)
    const [all] = await policy.beam(input, { shots: 3, width: 60 })
    expect(all).toHaveLength(60)
    expect(all![0]!.logProb).toBeGreaterThan(greedy!.logProb - 1e-6)
  })
})

test('log-probabilities of pointers of different lengths', async () => {
  const [values] = await policy.logProbs(input, [[[1], [1, 2], []]])
  const [first] = await policy.logProbs(input, [[[1, 3]]])
  expect(values![1]).toBeLessThan(values![0]!)
  expect(first![0]).toBeLessThan(values![0]!)
  expect(values![2]).toBe(0)
})

test('other values in the same sessions', async () => {
  const other = createModel({ settings: { dim: 10, hidden: 6, temperature: 0.5 }, seed: 8 })
  const fresh = await openPolicy(other)
  const pointers = [[Int32Array.of(0, 1)]]
  const shared = policy.withParameters(other.parameters)
  expect(await shared.logProbs(input, pointers)).toEqual(await fresh.logProbs(input, pointers))
  expect(await policy.logProbs(input, pointers)).not.toEqual(await fresh.logProbs(input, pointers))
  await fresh.close()
})

test('random pointers are distinct, uniform, and leave out what is excluded', () => {
  const pointers = randomPointers({ pool: 5, shots: 2, count: 6000, random: createRandom(1), exclude: [3] })
  const seen = new Map<string, number>()
  for (const pointer of pointers) seen.set(pointer.join(), (seen.get(pointer.join()) ?? 0) + 1)
  expect(seen.size).toBe(12)
  for (const [key, count] of seen) {
    expect(key).not.toContain('3')
    expect(Math.abs(count - 500)).toBeLessThan(110)
  }
  expect(() => randomPointers({ pool: 2, shots: 3, count: 1, random: createRandom(1) })).toThrow(
    'cannot choose 3 of 2 candidates',
  )
})

test('no query gives no pointer', async () => {
  expect(await policy.greedy({ ...input, items: [] }, { shots: 2 })).toEqual([])
})

describe('errors name the query', () => {
  const [item] = input.items
  const greedy = (items: typeof input.items): Promise<unknown> =>
    policy.greedy({ ...input, items }, { shots: 2 })
  const drawn = { shots: 2, count: 1, randoms: [createRandom(1)] }
  test.each([
    ['query 1: row 30 is not in the matrix of 30 rows', () => greedy([item!, { row: 30, pool: [1, 2] }])],
    ['query 0, candidate 1: row -1', () => greedy([{ row: 0, pool: [1, -1] }])],
    [
      'query 1: exclude holds 7, which is not a position in a pool of 2',
      () => greedy([item!, { row: 0, pool: [7, 2], exclude: [7] }]),
    ],
    [
      'query 0 has 1 free candidates, which is too few for 2 shots',
      () => greedy([{ row: 0, pool: [1, 2], exclude: [0] }]),
    ],
    [
      'the queries have embeddings of size 5, but the policy was made for 10',
      () => policy.greedy({ queries: { data: new Float32Array(10), dim: 5 }, items: [] }, { shots: 1 }),
    ],
    [
      'query 0, pointer 1: [2, 2] are not distinct positions in a pool of 5',
      () =>
        policy.logProbs(input, [
          [
            [0, 1],
            [2, 2],
          ],
        ]),
    ],
    ['query 0, pointer 0: [5] are not distinct positions', () => policy.logProbs(input, [[[5]]])],
    [
      'a score is not a number',
      () =>
        policy.greedy(
          { ...input, queries: { data: new Float32Array(300).fill(NaN), dim: 10 }, candidates: matrix },
          { shots: 1 },
        ),
    ],
    ['shots must be a whole number from 0, got 1.5', () => policy.greedy(input, { shots: 1.5 })],
    ['shots must be a whole number from 0, got -1', () => policy.beam(input, { shots: -1 })],
    ['width must be a whole number from 1, got 0', () => policy.beam(input, { shots: 1, width: 0 })],
    ['count must be a whole number from 0, got NaN', () => policy.sample(input, { ...drawn, count: NaN })],
    ['temperature must be positive, got 0', () => policy.sample(input, { ...drawn, temperature: 0 })],
    ['topP must be in [0, 1], got 90', () => policy.sample(input, { ...drawn, topP: 90 })],
    ['a random stream for each of 1 queries, got 0', () => policy.sample(input, { ...drawn, randoms: [] })],
  ])('%s', async (message, run) => {
    await expect(run()).rejects.toThrow(message)
  })

  test('unknown settings', () => {
    const make = (settings: Record<string, unknown>): unknown =>
      createModel({ settings: { dim: 4, ...settings } })
    expect(() => make({ hiden: 3 })).toThrow('cross-attention has no setting "hiden"; did you mean hidden?')
    expect(() => make({ hidden: '3' })).toThrow('setting hidden of cross-attention must be a number, got 3')
    expect(() => make({ layers: 0.5 })).toThrow('must be a positive integer, got 0.5')
    expect(() => make({ temperature: 0 })).toThrow('temperature of cross-attention must be a positive number')
    expect(() => createModel({ settings: {} as never })).toThrow('lack dim, the size D of the embeddings')
    expect(() => make({ hidden: 10, heads: 4 })).toThrow('hidden 10 is not divisible by heads 4')
  })
})
