import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadModel, openEmbedder, openVqaModel } from '../src/index.ts'
import { embedderFiles } from '../src/embed/index.ts'
import { readModelFolder } from '../src/onnx/folder.ts'
import { chooseThreads, decoderBytes } from '../src/onnx/threads.ts'
import { startHub } from './support/hub-server.ts'
import { GraphWriter } from './support/onnx-writer.ts'
import { writeTinyClip } from './support/tiny-clip.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { tokenizerFiles } from './support/tokenizer-files.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

/** Names that no rule knows: only the graphs say that these files belong to them. */
const [EMBEDDINGS, VISION] = ['weights.bin', 'encoder-part']
const { vocab } = tokenizerFiles('words')

let cache: string
let folder: string
let before: string | undefined
beforeEach(async () => {
  before = process.env['LEVER_CACHE']
  cache = await temporaryFolder()
  process.env['LEVER_CACHE'] = cache
  folder = await writeTinyModel(await temporaryFolder())
  const shape = ['batch_size', 'sequence_length']
  const table = new GraphWriter()
  table.op('Gather', [table.externalFloats(EMBEDDINGS, [vocab, 32]), 'input_ids'], {}, 'inputs_embeds')
  const embed = table.model(
    [{ name: 'input_ids', type: 'i64', shape }],
    [{ name: 'inputs_embeds', type: 'f32', shape: [...shape, 32] }],
  )
  await writeFile(join(folder, 'onnx/embed_tokens.onnx'), embed)
  const size = 4 * 1176
  const encoder = new GraphWriter()
  const patches = encoder.op('Reshape', ['pixel_values', encoder.ints(-1, size)])
  encoder.op('MatMul', [patches, encoder.externalFloats(VISION, [size, 32])], {}, 'image_features')
  const vision = encoder.model(
    [
      { name: 'pixel_values', type: 'f32', shape: ['num_patches', 1176] },
      { name: 'grid_thw', type: 'i64', shape: ['num_images', 3] },
    ],
    [{ name: 'image_features', type: 'f32', shape: ['num_tokens', 32] }],
  )
  await writeFile(join(folder, 'onnx/vision_encoder.onnx'), vision)
  await weights(EMBEDDINGS, vocab * 32, 1)
  await weights(VISION, size * 32, 1)
})
afterEach(() => {
  if (before === undefined) Reflect.deleteProperty(process.env, 'LEVER_CACHE')
  else process.env['LEVER_CACHE'] = before
})

async function weights(name: string, count: number, scale: number): Promise<void> {
  const values = Float32Array.from({ length: count }, (_, i) => scale * Math.sin(1 + 7 * i))
  await writeFile(join(folder, 'onnx', name), values)
}

const entries = async (name: string): Promise<number> => (await readdir(join(cache, name))).length

test('what a decoder can do is found out again when the embeddings beside it change', async () => {
  const open = async (): Promise<void> => (await openVqaModel({ backend: 'onnx', model: folder })).close()
  await open()
  await open()
  expect(await entries('probes')).toBe(1)
  await weights(EMBEDDINGS, vocab * 32, 2)
  await open()
  expect(await entries('probes')).toBe(2)
})

test("images that one vision encoder encoded are not another's", async () => {
  const prompts = makePrompts(await makeWorld({ demonstrations: 3, queries: 1 }), { each: 2, shots: [2] })
  const encodes = async (): Promise<number> => {
    const model = await openVqaModel({ backend: 'onnx', model: folder, imageDiskBytes: 2 ** 24 })
    const answers = await model.answer(prompts)
    expect(answers.map(({ error }) => error)).toEqual(prompts.map(() => undefined))
    const { imageEncodes } = model.stats()
    await model.close()
    return imageEncodes
  }
  const first = await encodes()
  expect(first).toBeGreaterThan(0)
  expect(await encodes()).toBe(0)
  await weights(VISION, 4 * 1176 * 32, 2)
  expect(await encodes()).toBe(first)
})

test('the size of a decoder, which threads are chosen by, counts its data', async () => {
  const onnx = join(folder, 'onnx')
  const decoder = new GraphWriter()
  decoder.op('Identity', [decoder.externalFloats('far.bin', [2 ** 24])], {}, 'logits')
  await writeFile(
    join(onnx, 'decoder_model_merged.onnx'),
    decoder.model([], [{ name: 'logits', type: 'f32', shape: [2 ** 24] }]),
  )
  await writeFile(join(onnx, 'far.bin'), '')
  await truncate(join(onnx, 'far.bin'), 2 ** 26)
  const graph = await stat(join(onnx, 'decoder_model_merged.onnx'))
  const bytes = await decoderBytes(await readModelFolder(folder))
  expect(bytes).toBe(2 ** 26 + graph.size)
  expect(chooseThreads(bytes, 2, 8)).toBe(4)
  expect(chooseThreads(graph.size, 2, 8)).toBe(1)
})

test('a download brings them, and says their size', async () => {
  const hub = await startHub({ 'some-org/far': folder })
  const endpoint = process.env['HF_ENDPOINT']
  process.env['HF_ENDPOINT'] = hub.url
  try {
    const { files, bytes, path } = await downloadModel({ id: 'some-org/far', pause: 1 })
    const sizes = new Map(files.map((file) => [file.path, file.size]))
    expect(sizes.get(`onnx/${EMBEDDINGS}`)).toBe(vocab * 32 * 4)
    expect(sizes.get(`onnx/${VISION}`)).toBe(4 * 1176 * 32 * 4)
    expect(bytes).toBe([...sizes.values()].reduce((sum, size) => sum + size, 0))
    expect(await readFile(join(path, 'onnx', VISION))).toEqual(await readFile(join(folder, 'onnx', VISION)))
  } finally {
    await hub.close()
    if (endpoint === undefined) Reflect.deleteProperty(process.env, 'HF_ENDPOINT')
    else process.env['HF_ENDPOINT'] = endpoint
  }
})

describe('embedders', () => {
  /** A vision tower of CLIP whose weights lie in a file. */
  function tower(): Uint8Array {
    const writer = new GraphWriter()
    const flat = writer.op('Reshape', ['pixel_values', writer.ints(-1, 192)])
    writer.op('MatMul', [flat, writer.externalFloats(EMBEDDINGS, [192, 6])], {}, 'image_embeds')
    return writer.model(
      [{ name: 'pixel_values', type: 'f32', shape: ['batch_size', 3, 8, 8] }],
      [{ name: 'image_embeds', type: 'f32', shape: ['batch_size', 6] }],
    )
  }

  test('the hash of clip, and the files that a bundle takes along, hold them', async () => {
    const model = await writeTinyClip(await temporaryFolder())
    await writeFile(join(model, 'onnx/vision_model.onnx'), tower())
    const hashes = new Set<string>()
    for (const value of [1, 2]) {
      const values = new Float32Array(192 * 6).fill(value)
      await writeFile(join(model, 'onnx', EMBEDDINGS), values)
      const embedder = await openEmbedder({ embedder: 'clip', model })
      hashes.add(embedder.hash)
      await embedder.close()
    }
    expect(hashes.size).toBe(2)
    expect((await embedderFiles('clip', model)).files).toContain(`onnx/${EMBEDDINGS}`)
  })

  test('so do the files of sentence', async () => {
    const model = await temporaryFolder()
    await mkdir(join(model, 'onnx'))
    await writeFile(join(model, 'config.json'), '{"hidden_size":6}')
    await writeFile(join(model, 'onnx/model.onnx'), tower())
    const { files } = await embedderFiles('sentence', model)
    expect(files).toEqual(['config.json', 'onnx/model.onnx', `onnx/${EMBEDDINGS}`])
  })
})
