import { expect, test } from '@jest/globals'
import { answerPlan } from '../src/onnx/answer-plan.ts'
import { createDecoder } from '../src/onnx/decoder.ts'
import { readModelFolder } from '../src/onnx/folder.ts'
import { loadOrt } from '../src/onnx/ort.ts'
import { probeDecoder } from '../src/onnx/probe-decoder.ts'
import { openSessions } from '../src/onnx/sessions.ts'
import { chooseThreads } from '../src/onnx/threads.ts'
import { planPrompts } from '../src/prompt/plan.ts'
import { emptyStats } from '../src/stats.ts'
import { openLocalModel } from '../src/onnx/local-model.ts'
import type { LocalModelOptions } from '../src/onnx/local-options.ts'
import { writeTinyIdefics } from './support/tiny-idefics.ts'
import { writeTinyModel, type TinyModelOptions } from './support/tiny-model.ts'
import { bundledModel, temporaryFolder } from './support/world.ts'

const options: Omit<LocalModelOptions, 'model'> = {
  template: 'shapes',
  dtype: 'fp32',
  device: 'cpu',
  threads: 1,
  workers: 1,
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

test('memory that is used up says nothing about a decoder', async () => {
  const folder = await readModelFolder(await writeTinyModel(await temporaryFolder(), { attention: 'gqa' }))
  const ort = await loadOrt()
  const { embed, ...others } = await openSessions(ort, folder, { device: 'cpu', threads: 1 })
  const decoder = createDecoder(ort, others.decoder, folder)
  const probe = (failAt: number, message: string): Promise<unknown> => {
    let runs = 0
    const run: typeof decoder.run = (input) =>
      (runs += 1) === failAt ? Promise.reject(new Error(message)) : decoder.run(input)
    return probeDecoder(
      { ort, embed, decoder: { ...decoder, run }, stats: emptyStats(), scratch: new Map() },
      20,
    )
  }
  expect(await probe(0, '')).toMatchObject({ chunkOnPast: true, batchOnPast: false })
  expect(await probe(6, 'seqlens_k is not supported')).toMatchObject({ chunkOnPast: false })
  for (const message of [
    'Failed to allocate memory for requested buffer of size 7',
    'CUDA failure 2: out of memory',
  ]) {
    await expect(probe(6, message)).rejects.toThrow(message)
  }
})

test('a device that fails ends the call, where a bad image fails its outcomes', async () => {
  const folder = await readModelFolder(await writeTinyModel(await temporaryFolder()))
  const ort = await loadOrt()
  const { embed, decoder: session } = await openSessions(ort, folder, {
    device: 'cpu',
    threads: 1,
  })
  const engine = {
    ort,
    embed,
    decoder: createDecoder(ort, session, folder),
    stats: emptyStats(),
    scratch: new Map(),
  }
  const plan = planPrompts([{ segments: [{ key: 'a', pieces: ['a'] }], answers: [] }])
  const run = async (message: string): Promise<unknown> => {
    const found: unknown[] = []
    await answerPlan(
      engine,
      {
        ...{
          maxNewTokens: 5,
          beams: 1,
          eosTokenIds: new Set([2]),
          endToken: 2,
          batched: true,
          sharing: true,
        },
        ...{
          nearTie: 0,
          contextLength: 100,
          maxRows: 32,
          maxTokens: 2048,
          kvBytes: 2 ** 20,
          scoresOnly: false,
        },
      },
      {
        plan,
        resolve: () => Promise.reject(new Error(message)),
        encodeAnswer: () => new Int32Array(0),
        check: () => undefined,
        onAnswer: (prompts) => found.push(prompts),
        onError: (prompts, error) => found.push(prompts, error.message),
      },
    )
    return found
  }
  for (const image of [
    'cannot read the image a.jpg',
    'cannot encode the image a.jpg: CUDA failure 2: out of memory',
  ]) {
    expect(await run(image)).toEqual([[0], image])
  }
  const lost =
    'cannot encode the image a.jpg: CUDA failure 700: an illegal memory access was encountered ; GPU=0'
  await expect(run(lost)).rejects.toThrow(lost)
})

test('threads of a session', () => {
  const large = 3 * 2 ** 30
  expect(chooseThreads(2 ** 20, 4, 16)).toBe(1)
  expect(chooseThreads(large, 1, 16)).toBe(0)
  expect(chooseThreads(large, 3, 16)).toBe(5)
  expect(chooseThreads(large, 32, 16)).toBe(1)
})

test('the bundled model takes batches', async () => {
  expect(await abilities(bundledModel)).toMatchObject({ chunkOnPast: true, batchOnPast: true })
})
