import { expect, test } from '@jest/globals'
import { openLocalModel, type LocalModelOptions } from '../src/onnx/local-model.ts'
import { writeTinyIdefics } from './support/tiny-idefics.ts'
import { writeTinyModel, type TinyModelOptions } from './support/tiny-model.ts'
import { bundledModel, temporaryFolder } from './support/world.ts'

const options: Omit<LocalModelOptions, 'model'> = {
  template: 'shapes',
  dtype: 'fp32',
  device: 'cpu',
  threads: 1,
  maxNewTokens: 5,
  beams: 1,
  metric: 'vqa-loo',
  sharing: true,
  batchRows: 32,
  batchTokens: 2048,
  kvBytes: 2 ** 28,
  imageBytes: 2 ** 28,
  imageDiskBytes: 0,
  cacheFolder: process.env['LEVER_CACHE']!,
}

async function abilities(model: string): Promise<unknown> {
  const opened = await openLocalModel({ ...options, model })
  await opened.close()
  return opened.abilities
}

test.each<[string, TinyModelOptions, boolean]>([
  ['MatMul attention', {}, true],
  ['MatMul attention, fewer tokens than rows', { spareRows: 17 }, true],
  ['MatMul attention, logits of the last rows only', { logitsToKeep: 'block' }, true],
  ['MatMul attention, wide heads and normalised keys', { kind: 'qwen3_vl' }, true],
  ['GroupQueryAttention', { attention: 'gqa', logitsToKeep: 'head' }, false],
])('%s', async (_, kind, batchOnPast) => {
  const found = await abilities(await writeTinyModel(await temporaryFolder(), kind))
  expect(found).toMatchObject({ chunkOnPast: true, batchOnPast })
  expect((found as { noise: number }).noise).toBeLessThan(1e-3)
})

test('a decoder without position ids takes the slot as the position, so padding would move it', async () => {
  const sequence = await writeTinyIdefics(await temporaryFolder(), { positions: 'sequence' })
  expect(await abilities(sequence)).toMatchObject({ chunkOnPast: true, batchOnPast: true })
  const none = await writeTinyIdefics(await temporaryFolder(), { positions: 'none' })
  expect(await abilities(none)).toMatchObject({ chunkOnPast: true, batchOnPast: false })
})

test('the bundled model takes batches', async () => {
  expect(await abilities(bundledModel)).toMatchObject({ chunkOnPast: true, batchOnPast: true })
})
