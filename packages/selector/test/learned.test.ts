import { join } from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import {
  byIds,
  createModel,
  openPolicy,
  readCheckpoint,
  readPolicySearch,
  writeCheckpoint,
} from '@lever/pointer-model'
import { buildPools } from '@lever/rl-generate'
import type { Embeddings } from '@lever/tensor-files'
import type { Dataset } from '@lever/vqa-dataset'
import { openSelector, type OpenSelector } from '../src/index.ts'
import { bundleOf, embed, openSplit, scratch } from './support/world.ts'

let poolPolicy: string
let asked: Dataset
let embeddings: Embeddings

beforeAll(async () => {
  const train = await openSplit('train', 80)
  asked = await openSplit('test', 20)
  embeddings = await embed(train)
  poolPolicy = join(await scratch(), 'search.safetensors')
  const settings = { dim: embeddings.dim, hidden: 16 }
  const model = createModel({ architecture: 'bi-encoder', settings, seed: 4 })
  await writeCheckpoint(poolPolicy, { model, info: { phase: 'sft' } })
})

const learned = (count: number): Parameters<typeof bundleOf> => [
  count,
  { poolMethod: 'learned', poolPolicy, poolSize: 12 },
]

async function chosen(open: OpenSelector): Promise<number[][]> {
  const queries = asked.examples.map(({ id, question, image }) => ({ id, question, image }))
  const found = await open.selectMany(queries, { shots: 3 })
  return found.map(({ demonstrations }) => demonstrations.map(({ id }) => id))
}

test.each([false, true])(
  'a bundle searches its library as evaluate does (index: %p)',
  async (index) => {
    const bundled = await bundleOf(80, { ...learned(80)[1], index })
    const features = { queries: await embed(asked), candidates: embeddings }
    const { byQuery, policy: hash } = await buildPools({
      ...{ queries: asked.examples, candidates: bundled.train.examples, method: 'learned', size: 12 },
      features: { learned: await readPolicySearch(poolPolicy, features) },
    })
    expect(bundled.manifest.pool).toEqual({ method: 'learned', size: 12, seed: 5, policy: hash })
    const policy = await openPolicy((await readCheckpoint(bundled.policy)).model)
    const wanted = await byIds(policy, features).choose(
      asked.examples.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id)! })),
      { shots: 3 },
    )
    await policy.close()
    const selector = await openSelector(bundled.folder)
    expect(await chosen(selector)).toEqual(wanted)
    await selector.close()
  },
  300_000,
)

test('what is added to the library is searched by the policy too, also after opening again', async () => {
  const [whole, part] = [await bundleOf(...learned(80)), await bundleOf(...learned(60))]
  const grown = await openSelector(part.folder, { writable: true })
  for (const { id, question, answer, answers, image, imageId } of whole.train.examples.slice(60)) {
    await grown.add({ id, question, answer, answers, image, imageId: imageId! })
  }
  const made = await openSelector(whole.folder)
  const wanted = await chosen(made)
  expect(await chosen(grown)).toEqual(wanted)
  await Promise.all([grown.close(), made.close()])
  const again = await openSelector(part.folder)
  expect(await chosen(again)).toEqual(wanted)
  await again.close()
}, 300_000)

test('a policy to search by is asked for, has to be able to, and is not taken without use', async () => {
  const other = join(await scratch(), 'pairs.safetensors')
  const settings = { dim: embeddings.dim, hidden: 16 }
  const info = { phase: 'rce', pool: { method: 'learned', size: 12, seed: 5, policy: 'f'.repeat(64) } }
  const model = createModel({ architecture: 'mlp-cross-attention', settings, seed: 4 })
  await writeCheckpoint(other, { model, info })
  await expect(bundleOf(80, { poolMethod: 'learned' })).rejects.toThrow('give its checkpoint (--pool-policy)')
  await expect(bundleOf(80, { poolPolicy })).rejects.toThrow('the pool method is mixed')
  await expect(bundleOf(80, { poolMethod: 'learned', poolPolicy: other })).rejects.toThrow(
    'the query sees its pool, so it cannot search a library',
  )
  await expect(bundleOf(80, { policy: other, poolPolicy })).rejects.toThrow(
    'were searched by the policy ffffffffffff',
  )
}, 300_000)
