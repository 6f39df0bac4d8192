import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashFile } from '@lever/durable-files'
import type { Embeddings } from '@lever/tensor-files'
import {
  checkEmbedder,
  createModel,
  openPolicy,
  readPolicySearch,
  searchVectors,
  writeCheckpoint,
} from '../src/index.ts'

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

const embeddings: Embeddings = {
  ...{ ids: Array.from({ length: M }, (_, i) => 100 + i), data, dim: D, kind: 'both', imageDim: 3 },
  ...{ model: 'clip', modelHash: 'aaaaaaaaaaaaaaaa', source: '' },
}

test('a checkpoint searches by the vectors of its policy, and says which it is', async () => {
  const model = createModel({ architecture: 'bi-encoder', settings: { dim: D, hidden: H }, seed: 1 })
  const path = join(await mkdtemp(join(tmpdir(), 'search-')), 'policy.safetensors')
  const { model: name, modelHash, kind } = embeddings
  await writeCheckpoint(path, {
    model,
    info: { phase: 'sft', embeddings: { model: name, modelHash, kind } },
  })
  const few = { ...embeddings, ids: [7, 9], data: data.slice(2 * D, 4 * D) }
  const search = await readPolicySearch(path, { queries: few, candidates: embeddings })
  const all = await searchVectors(model, { data, dim: D })
  expect(search.policy).toBe(await hashFile(path))
  expect(search.queries).toEqual({ ids: [7, 9], data: all.queries.slice(2 * H, 4 * H), dim: H })
  expect(search.candidates).toEqual({ ids: embeddings.ids, data: all.candidates, dim: H })
  const other = { ...embeddings, model: 'siglip', modelHash: 'bbbbbbbbbbbbbbbb' }
  await expect(readPolicySearch(path, { queries: other, candidates: other })).rejects.toThrow(
    'trained on embeddings of kind both by clip (aaaaaaaaaaaa), and these are of kind both by siglip (bbbbbbbbbbbb)',
  )
})

test('embeddings of another kind are refused, and what does not say what made it passes', () => {
  const info = { embeddings: { model: 'clip', modelHash: '', kind: 'both' } } as const
  expect(() => checkEmbedder(info, { ...embeddings, kind: 'text' }, 'policy')).toThrow('of kind text by clip')
  expect(() => checkEmbedder(info, embeddings, 'policy')).not.toThrow()
  expect(() => checkEmbedder({}, { ...embeddings, kind: 'text' }, 'policy')).not.toThrow()
})

test('a policy with a number per member does not search', async () => {
  const members = { ids: [1, 2], counts: [3, 4] }
  const settings = { dim: D, hidden: H }
  const model = createModel({ architecture: 'bi-encoder', settings, members, seed: 1 })
  await expect(searchVectors(model, { data, dim: D })).rejects.toThrow('train one without --member-bias')
})

test('a query that sees its pool, and rows of another size, are refused', async () => {
  const other = createModel({ architecture: 'cross-attention', settings: { dim: D, hidden: H }, seed: 1 })
  await expect(searchVectors(other, { data, dim: D })).rejects.toThrow(
    'in a policy of architecture cross-attention the query sees its pool',
  )
  const model = createModel({ architecture: 'bi-encoder', settings: { dim: D, hidden: H }, seed: 1 })
  await expect(searchVectors(model, { data, dim: 4 })).rejects.toThrow('of size 6, these have 4')
})
