import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { byIds, openPolicy, readCheckpoint, writeCheckpoint } from '@lever/pointer-model'
import type { Floor } from '@lever/pointer-model'
import { buildPools } from '@lever/rl-generate'
import { pairsOf } from '@lever/tensor-files'
import { openSelector } from '../src/index.ts'
import { bundleOf, embed, openSplit, randomPolicy, scratch } from './support/world.ts'

const selection = { by: 'baseline', name: 'mmr', measure: 'accuracy', compared: [] } as const

/** A checkpoint whose training found a floor. */
async function withFloor(dim: number, floor: Floor): Promise<string> {
  const { model, info } = await readCheckpoint(await randomPolicy(await scratch(), dim))
  const path = join(await scratch(), 'best.safetensors')
  await writeCheckpoint(path, { model: { ...model, floor }, info: { ...info, selection } })
  return path
}

test('a bundle of a mixture, or of static, chooses what evaluate chooses', async () => {
  const train = await openSplit('train', 100)
  const asked = await openSplit('test', 10)
  const embeddings = await embed(train)
  const features = { queries: await embed(asked), candidates: embeddings }
  const { byQuery } = await buildPools({
    ...{ queries: asked.examples, candidates: train.examples, method: 'mixed', size: 32, seed: 5 },
    features: pairsOf(features),
  })
  const effects = Object.fromEntries(train.examples.map(({ id }, i) => [id, (i * 37) % 11]))
  for (const weight of [undefined, 2]) {
    const baseline = { name: 'static', kind: 'static', effects } as const
    const policy = await withFloor(embeddings.dim, { baseline, ...(weight !== undefined && { weight }) })
    const { folder } = await bundleOf(100, { policy, embeddings })
    const selector = await openSelector(folder)
    const found = await selector.selectMany(
      asked.examples.map(({ id, question, image }) => ({ id, question, image })),
      { shots: 3 },
    )
    await selector.close()
    const opened = await openPolicy((await readCheckpoint(policy)).model)
    const wanted = await byIds(opened, features).choose(
      asked.examples.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id)! })),
      { shots: 3 },
    )
    await opened.close()
    expect(found.map(({ demonstrations }) => demonstrations.map(({ id }) => id))).toEqual(wanted)
  }
})

test('a bundle whose training found nothing better than retrieval chooses by it, and says so', async () => {
  const train = await openSplit('train', 100)
  const embeddings = await embed(train)
  const baseline = { name: 'mmr', kind: 'mmr', columns: [0, embeddings.dim] } as const
  const { manifest } = await bundleOf(100, {
    policy: await withFloor(embeddings.dim, { baseline }),
    embeddings,
  })
  expect(manifest.selector).toMatchObject({ kind: 'baseline', name: 'mmr', because: 'floor' })
  expect(manifest.selector.note).toMatch(/found nothing better than mmr by accuracy/)
})
