import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { openVqaModel, readProtocol, type ModelProtocol, type OnnxOptions } from '../src/index.ts'
import { externalFiles } from '../src/onnx/external-files.ts'
import { loadOrt } from '../src/onnx/ort.ts'
import { GraphWriter, type Value } from './support/onnx-writer.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { tokenizerFiles } from './support/tokenizer-files.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

let folder: string
beforeEach(async () => {
  folder = await writeTinyModel(await temporaryFolder())
})

const open = (options: Partial<OnnxOptions> = {}): Promise<unknown> =>
  openVqaModel({ backend: 'onnx', model: folder, ...options })

async function edit(name: string, change: (json: Record<string, unknown>) => void): Promise<void> {
  const path = join(folder, name)
  const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  change(json)
  await writeFile(path, JSON.stringify(json))
}

async function refusal(message: string, options?: Partial<OnnxOptions>): Promise<void> {
  await expect(open(options)).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringContaining(message),
  })
}

describe('what is wrong with a model is said with its file and a remedy', () => {
  test('files', async () => {
    await refusal('"lever doctor --download <id>" downloads', { model: join(folder, 'none') })
    await refusal('dtypes of embed_tokens that exist: fp32', { dtype: 'q4' })
    await refusal('vision_encoder_q4.onnx does not exist', { dtype: 'vision_encoder=q4' })
    // @ts-expect-error the compiler refuses it too
    await refusal('names no file of a model', { dtype: 'vision=q4' })
    // @ts-expect-error the compiler refuses it too
    await refusal('unknown dtype "fp13"', { dtype: { vision_encoder: 'fp13' } })
    await rm(join(folder, 'onnx/embed_tokens.onnx'))
    await refusal('embed_tokens.onnx does not exist')
    for (const name of ['tokenizer_config.json', 'tokenizer.json', 'preprocessor_config.json']) {
      const text = await readFile(join(folder, name))
      await rm(join(folder, name))
      await refusal(`${name}; the folder is not a complete model`)
      await writeFile(join(folder, name), text)
    }
    await rm(join(folder, 'generation_config.json'))
    await refusal('generation_config.json; the folder is not a complete model')
  })

  test('config.json', async () => {
    await edit('config.json', (json) => (json['model_type'] = 'mystery'))
    await refusal(
      'model_type "mystery"; the onnx backend runs qwen2_vl, qwen2_5_vl, qwen3_vl, idefics3, smolvlm',
    )
    await edit('config.json', (json) => (json['model_type'] = 'gemma3'))
    await refusal(
      'model_type "gemma3", which is left out: in its decoder the tokens of an image see each other',
    )
    await edit('config.json', (json) => Object.assign(json, { model_type: 'qwen2_vl', hidden_size: '32' }))
    await refusal('hidden_size is "32", not a number')
    await writeFile(join(folder, 'config.json'), '{')
    await refusal('config.json is not valid JSON')
  })

  test('other files', async () => {
    await edit('generation_config.json', (json) => (json['eos_token_id'] = 'x'))
    await refusal('eos_token_id is "x"')
  })

  test('broken ONNX, broken tokenizer', async () => {
    await writeFile(join(folder, 'onnx/vision_encoder.onnx'), 'no model')
    await refusal('vision_encoder.onnx on cpu')
    await truncate(join(folder, 'onnx/embed_tokens.onnx'), 900)
    await refusal('is damaged or incomplete: copy or download the model again')
    await writeFile(join(folder, 'tokenizer.json'), '{')
    await refusal('cannot load the tokenizer')
  })

  test('a decoder with another number of layers; nothing stays open', async () => {
    await edit('config.json', (json) => (json['num_hidden_layers'] = 3))
    const opened: InferenceSession[] = []
    const { InferenceSession } = await loadOrt()
    const create = jest.spyOn(InferenceSession, 'create')
    await refusal('missing: past_key_values.2.value')
    for (const { value } of create.mock.results) opened.push((await value) as InferenceSession)
    create.mockRestore()
    expect(opened).toHaveLength(3)
    for (const session of opened) await expect(session.release()).rejects.toThrow('disposed')
  })

  test('a decoder that takes what nobody gives', async () => {
    const g = new GraphWriter()
    g.op('Identity', ['deepstack_features_0'], {}, 'logits')
    const cache = ['batch_size', 2, 'past_sequence_length', 8]
    const inputs: Value[] = [
      { name: 'inputs_embeds', type: 'f32', shape: ['batch_size', 'sequence_length', 32] },
      { name: 'attention_mask', type: 'i64', shape: ['batch_size', 'total_sequence_length'] },
      { name: 'position_ids', type: 'i64', shape: [3, 'batch_size', 'sequence_length'] },
      { name: 'deepstack_features_0', type: 'f32', shape: ['batch_size', 'sequence_length', 32] },
      ...[0, 1].flatMap((layer) =>
        ['key', 'value'].map((part): Value => ({
          name: `past_key_values.${layer}.${part}`,
          type: 'f32',
          shape: cache,
        })),
      ),
    ]
    const logits: Value = { name: 'logits', type: 'f32', shape: ['batch_size', 'sequence_length', 32] }
    await writeFile(join(folder, 'onnx/decoder_model_merged.onnx'), g.model(inputs, [logits]))
    await refusal('also takes deepstack_features_0, which neither this package nor transformers.js can give')
  })

  test('a decoder without the DeepStack features that the config names is told', async () => {
    const lines: string[] = []
    const onNotice = (line: string): void => void lines.push(line)
    const open = async (): Promise<void> =>
      (await openVqaModel({ backend: 'onnx', model: folder, onNotice })).close()
    await open()
    expect(lines.filter((line) => line.includes('DeepStack'))).toEqual([])
    await edit('config.json', (json) => (json['vision_config'] = { deepstack_visual_indexes: [5, 11] }))
    await open()
    expect(lines).toContainEqual(
      expect.stringMatching(/DeepStack features of layers 5, 11, which this export/),
    )
  })

  test('a chat template without images', async () => {
    await edit('tokenizer_config.json', (json) => (json['chat_template'] = '{{ messages | length }}'))
    await refusal('does not take images and texts in order')
    await edit('tokenizer_config.json', (json) => (json['chat_template'] = '{{ nothing('))
    await refusal('the chat template of')
  })

  test('options', async () => {
    await refusal('workers is -1; it must be a whole number of at least 0', { workers: -1 })
    await refusal('maxNewTokens is 0', { maxNewTokens: 0 })
    // @ts-expect-error the compiler refuses it too
    await refusal('unknown prompt template "x"', { template: 'x' })
    // @ts-expect-error the compiler refuses it too
    await refusal('unknown post-processing "x"', { postprocess: 'x' })
    await refusal('pixels.max is NaN; it must be a number of pixels above 0', { pixels: { max: NaN } })
    await refusal('pixels.min is -5', { pixels: { min: -5 } })
    // @ts-expect-error the compiler refuses it too
    await refusal('unknown device "tpu"', { device: 'tpu' })
  })
})

test('external data files count as files of the model', async () => {
  await writeFile(join(folder, 'onnx/decoder_model_merged.onnx_data'), 'x')
  const model = (await open()) as Awaited<ReturnType<typeof openVqaModel>>
  expect(Object.keys(model.protocol.files)).toContain('onnx/decoder_model_merged.onnx_data')
  await model.close()
})

test('a folder saved by transformers 5 keeps the image processor in processor_config.json', async () => {
  const [own, joined] = ['preprocessor_config.json', 'processor_config.json'].map((name) =>
    join(folder, name),
  )
  const model = (): Promise<ModelProtocol> =>
    readProtocol({ backend: 'onnx', model: folder, template: 'shapes' })
  const values = JSON.parse(await readFile(own!, 'utf8')) as Record<string, unknown>
  const before = await model()
  await rm(own!)
  await refusal('preprocessor_config.json')
  await writeFile(joined!, JSON.stringify({ processor_class: 'P', image_processor: values }))
  const after = await model()
  expect(after.protocol.pixels).toEqual(before.protocol.pixels)
  expect(Object.keys(after.protocol.files)).toContain('processor_config.json')
  expect(Object.keys(after.protocol.files)).not.toContain('preprocessor_config.json')
  await rm(joined!)
  await writeFile(joined!, JSON.stringify({ image_processor: { ...values, image_mean: 'none' } }))
  await refusal('processor_config.json')
  await writeFile(joined!, JSON.stringify({ processor_class: 'P', image_processor: values }))
  const world = await makeWorld({ demonstrations: 2, queries: 1 })
  const opened = (await open()) as Awaited<ReturnType<typeof openVqaModel>>
  const answers = await opened.answer(makePrompts(world, { each: 1, shots: [1] }))
  expect(answers.every(({ error }) => error === undefined)).toBe(true)
  await opened.close()
})

test('data files of any name count: those that the graph refers to', async () => {
  const { vocab } = tokenizerFiles('words')
  const graph = (file: string): Uint8Array => {
    const g = new GraphWriter()
    g.op('Gather', [g.externalFloats(file, [vocab, 32]), 'input_ids'], {}, 'inputs_embeds')
    const shape = ['batch_size', 'sequence_length']
    return g.model(
      [{ name: 'input_ids', type: 'i64', shape }],
      [{ name: 'inputs_embeds', type: 'f32', shape: [...shape, 32] }],
    )
  }
  const path = join(folder, 'onnx/embed_tokens.onnx')
  for (const name of ['embed_tokens.onnx.data', 'weights.bin']) {
    await writeFile(path, graph(name))
    expect(externalFiles(path)).toEqual([name])
    const hashes = new Set<string>()
    for (const value of [0, 1]) {
      await writeFile(join(folder, 'onnx', name), Buffer.alloc(4 * 32 * vocab, value))
      const read = await readProtocol({ backend: 'onnx', model: folder, template: 'shapes' })
      expect(Object.keys(read.protocol.files)).toContain(`onnx/${name}`)
      hashes.add(read.protocolHash)
    }
    expect(hashes.size).toBe(2)
  }
  await writeFile(path, graph('../elsewhere.bin'))
  expect(() => externalFiles(path)).toThrow('keeps weights in "../elsewhere.bin", outside its own folder')
  await writeFile(path, graph('gone.bin'))
  await refusal('keeps its weights in gone.bin, which is not there')
  await writeFile(path, 'no graph')
  expect(externalFiles(path)).toEqual([])
})

test('a data file beside the ONNX file that is missing or cut short is said with the remedy', async () => {
  const { vocab } = tokenizerFiles('words')
  const data = join(folder, 'onnx/embed_tokens.onnx_data')
  const g = new GraphWriter()
  g.op('Gather', [g.externalFloats('embed_tokens.onnx_data', [vocab, 32]), 'input_ids'], {}, 'inputs_embeds')
  const shape = ['batch_size', 'sequence_length']
  await writeFile(
    join(folder, 'onnx/embed_tokens.onnx'),
    g.model(
      [{ name: 'input_ids', type: 'i64', shape }],
      [{ name: 'inputs_embeds', type: 'f32', shape: [...shape, 32] }],
    ),
  )
  const damaged = 'is damaged or incomplete: copy or download the model again'
  await refusal(damaged)
  await writeFile(data, Buffer.alloc(100))
  await refusal(damaged)
  await writeFile(data, Buffer.alloc(4 * 32 * vocab))
  const model = (await open()) as Awaited<ReturnType<typeof openVqaModel>>
  expect(Object.keys(model.protocol.files)).toContain('onnx/embed_tokens.onnx_data')
  await model.close()
})

test('files that do not belong together fail the outcomes, with the image and the reason', async () => {
  const prompts = makePrompts(await makeWorld({ demonstrations: 2, queries: 1 }), { each: 1, shots: [1] })
  for (const [change, message] of [
    [{ merge_size: 1 }, /the vision encoder gives 128 numbers for 16 visual tokens of 32/],
    [{ image_std: [0, 0, 0] }, /values that are not finite/],
  ] as const) {
    await edit('preprocessor_config.json', (json) => Object.assign(json, { merge_size: 2 }, change))
    const model = (await open()) as Awaited<ReturnType<typeof openVqaModel>>
    const [answer] = await model.answer(prompts)
    expect(answer!.error).toMatch(message)
    expect(answer!.error).toContain('cannot encode the image')
    await model.close()
  }
})

test('a prompt beyond the context fails its outcome', async () => {
  const world = await makeWorld({ demonstrations: 5, queries: 2 })
  await edit('config.json', (json) => (json['max_position_embeddings'] = 60))
  const model = (await open()) as Awaited<ReturnType<typeof openVqaModel>>
  const answers = await model.answer(makePrompts(world, { each: 2, shots: [0, 4] }))
  expect(
    answers.map(({ error }) => error?.includes('the model takes 60 with the 5 of the answer') ?? false),
  ).toEqual([false, true, false, true])
  const [short] = makePrompts(world, { each: 1, shots: [0] })
  const scoreAnswers = ['red '.repeat(40)]
  const [scored] = await model.answer([{ ...short!, scoreAnswers }])
  expect(scored!.error).toContain('with the 41 of the answer')
  await model.close()
})
