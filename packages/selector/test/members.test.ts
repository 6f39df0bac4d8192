import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { byIds, createModel, openPolicy, readCheckpoint, writeCheckpoint } from '@lever/pointer-model'
import { buildPools } from '@lever/rl-generate'
import { pairsOf } from '@lever/tensor-files'
import { openSelector } from '../src/index.ts'
import { bundleOf, embed, openSplit, scratch } from './support/world.ts'

test('a bundle of a policy with a number per member chooses what evaluate chooses', async () => {
  const train = await openSplit('train', 60)
  const asked = await openSplit('test', 10)
  const embeddings = await embed(train)
  const features = { queries: await embed(asked), candidates: embeddings }
  const path = join(await scratch(), 'members.safetensors')
  const ids = train.examples.slice(0, 50).map(({ id }) => id)
  const settings = { dim: embeddings.dim, hidden: 32 }
  const members = { ids, counts: ids.map(() => 20) }
  const model = createModel({ architecture: 'mlp-cross-attention', settings, members, seed: 1 })
  model.parameters.get('member.bias')!.values.forEach((_, i, all) => (all[i] = i === 0 ? 0 : (i * 37) % 11))
  await writeCheckpoint(path, { model, info: { phase: 'rce', pool: { method: 'mixed', size: 32, seed: 5 } } })

  const { byQuery } = await buildPools({
    ...{ queries: asked.examples, candidates: train.examples, method: 'mixed', size: 32, seed: 5 },
    features: pairsOf(features),
  })
  const policy = await openPolicy((await readCheckpoint(path)).model)
  const wanted = await byIds(policy, features).choose(
    asked.examples.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id)! })),
    { shots: 3 },
  )
  await policy.close()
  const selector = await openSelector((await bundleOf(60, { policy: path, embeddings })).folder)
  const found = await selector.selectMany(
    asked.examples.map(({ id, question, image }) => ({ id, question, image })),
    { shots: 3 },
  )
  await selector.close()
  expect(found.map(({ demonstrations }) => demonstrations.map(({ id }) => id))).toEqual(wanted)
})
