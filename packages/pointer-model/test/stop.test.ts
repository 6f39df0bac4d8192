import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { createModel, openPolicy } from '../src/index.ts'
import type { Policy } from '../src/index.ts'
import { randomInput, randomMatrix } from './world.ts'

const input = randomInput(randomMatrix(30, 10), [5, 7])
const model = createModel({
  architecture: 'stop',
  settings: { dim: 10, hidden: 6, temperature: 0.5 },
  seed: 2,
})
let policy: Policy
beforeAll(async () => {
  policy = await openPolicy(model)
})
afterAll(() => policy.close())

const padded = (pointer: ArrayLike<number>, shots: number): number[] =>
  Array.from({ length: shots }, (_, t) => pointer[t] ?? -1)

test('pointers of every length have the log-probability that was reported', async () => {
  const randoms = [createRandom(1), createRandom(2)]
  const drawn = await policy.sample(input, { shots: 3, count: 40, temperature: 2, randoms })
  expect(new Set(drawn.flat().map(({ pointer }) => pointer.length))).toEqual(new Set([0, 1, 2, 3]))
  const scored = await policy.logProbs(
    input,
    drawn.map((list) => list.map(({ pointer }) => padded(pointer, 3))),
  )
  drawn.forEach((list, b) => {
    list.forEach(({ logProb }, g) => expect(scored[b]![g]).toBeCloseTo(logProb, 5))
  })
})

test('a pointer without -1 is a beginning, with it one that ended', async () => {
  const endings = [[2, -1], ...[0, 1, 3, 4].map((n) => [2, n])]
  const [values] = await policy.logProbs({ ...input, items: [input.items[0]!] }, [[[2], ...endings]])
  const [begun, ...ended] = values!
  expect(ended.reduce((total, x) => total + Math.exp(x), 0)).toBeCloseTo(Math.exp(begun!), 6)
})

/** The policy with the most, or least, probable of 60 random STOPs. */
async function withStop(sign: 1 | -1): Promise<Policy> {
  const found: { mass: number; policy: Policy }[] = []
  for (let seed = 0; seed < 60; seed++) {
    const random = createRandom(seed)
    const token = { shape: [6], values: Float32Array.from({ length: 6 }, () => random.normal()) }
    const other = policy.withParameters(new Map([...model.parameters, ['stop_token', token]]))
    const ends = await other.logProbs(input, [[[-1]], [[-1]]])
    found.push({ mass: sign * (ends[0]![0]! + ends[1]![0]!), policy: other })
  }
  return found.sort((a, b) => b.mass - a.mass)[0]!.policy
}

test('a STOP near the queries is chosen at once, one far from them never', async () => {
  const lengths = async (sign: 1 | -1): Promise<number[]> =>
    (await (await withStop(sign)).greedy(input, { shots: 3 })).map(({ pointer }) => pointer.length)
  expect(await lengths(1)).toEqual([0, 0])
  expect(await lengths(-1)).toEqual([3, 3])
})

test('-1 stands at the end only, and only where an architecture can stop', async () => {
  const one = { ...input, items: [input.items[0]!] }
  await expect(policy.logProbs(one, [[[-1, 2]]])).rejects.toThrow('query 0, pointer 0: [-1, 2]')
  const other = await openPolicy(createModel({ settings: { dim: 10, hidden: 6 } }))
  await expect(other.logProbs(one, [[[2, -1]]])).rejects.toThrow(
    'query 0, pointer 0: [2, -1] are not distinct',
  )
  await other.close()
})
