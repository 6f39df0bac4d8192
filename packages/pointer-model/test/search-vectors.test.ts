import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { createModel, openPolicy, searchVectors } from '../src/index.ts'

const [M, D, H] = [12, 6, 8]
const random = createRandom(3, 'search-vectors')
const data = Float32Array.from({ length: M * D }, () => random.next() - 0.5)

test('the largest inner product is the first choice of the policy, and their order that of its probabilities', async () => {
  const model = createModel({ architecture: 'bi-encoder', settings: { dim: D, hidden: H }, seed: 1 })
  const { queries, candidates, dim } = await searchVectors(model, { data, dim: D })
  expect([dim, queries.length, candidates.length]).toEqual([H, M * H, M * H])
  const product = (q: number, c: number): number =>
    Array.from({ length: H }, (_, i) => queries[q * H + i]! * candidates[c * H + i]!).reduce((a, b) => a + b)
  const policy = await openPolicy(model)
  try {
    const pools = Array.from({ length: M }, (_, q) =>
      Array.from({ length: M }, (_, c) => c).filter((c) => c !== q),
    )
    const input = { queries: { data, dim: D }, items: pools.map((pool, row) => ({ row, pool })) }
    const chosen = await policy.greedy(input, { shots: 1 })
    const every = pools.map((pool) => pool.map((_, position) => [position]))
    const logProbs = await policy.logProbs(input, every)
    pools.forEach((pool, q) => {
      const products = pool.map((c) => product(q, c))
      expect(products.indexOf(Math.max(...products))).toBe(chosen[q]!.pointer[0])
      const logits = products.map((value) => value / 0.5)
      const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
      logits.forEach((logit, i) => expect(logit - total).toBeCloseTo(logprob(logProbs[q]!, i), 5))
    })
  } finally {
    await policy.close()
  }
})

const logprob = (values: Float64Array, i: number): number => values[i]!

test('a query that sees its pool, and rows of another size, are refused', async () => {
  const other = createModel({ architecture: 'cross-attention', settings: { dim: D, hidden: H }, seed: 1 })
  await expect(searchVectors(other, { data, dim: D })).rejects.toThrow(
    'in a policy of architecture cross-attention the query sees its pool',
  )
  const model = createModel({ architecture: 'bi-encoder', settings: { dim: D, hidden: H }, seed: 1 })
  await expect(searchVectors(model, { data, dim: 4 })).rejects.toThrow('of size 6, these have 4')
})
