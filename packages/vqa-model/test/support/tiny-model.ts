import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GraphWriter } from './onnx-writer.ts'
import { normals } from './random.ts'
import { decoderModel } from './tiny-decoder.ts'
import { tokenizerFiles, type TokenizerKind } from './tokenizer-files.ts'

/** What differs between the model types: class, processor, size of a patch. */
const KINDS = {
  qwen2_vl: { model: 'Qwen2VL', processor: 'Qwen2VL', patch: 14 },
  qwen2_5_vl: { model: 'Qwen2_5_VL', processor: 'Qwen2_5_VL', patch: 14 },
  qwen3_vl: { model: 'Qwen3VL', processor: 'Qwen3VL', patch: 16 },
} as const

export interface TinyModelOptions {
  kind?: keyof typeof KINDS
  attention?: 'matmul' | 'gqa'
  tokenizer?: TokenizerKind
  /** false: no such input; head: rows are dropped before the LM head; block: before the last block's queries */
  logitsToKeep?: false | 'head' | 'block'
  width?: number
  layers?: number
  heads?: number
  kvHeads?: number
  ff?: number
  seed?: number
  maxPixels?: number
  /** rows of the embedding and the LM head that no token has */
  spareRows?: number
  /** residual blocks on every patch, and their width */
  vision?: { layers: number; width: number }
}

/** Writes a random-weight model in the Hub's Qwen2-VL layout; texts come out as random words. */
export async function writeTinyModel(
  folder: string,
  {
    kind = 'qwen2_vl',
    attention = 'matmul',
    tokenizer = 'words',
    logitsToKeep = false,
    width = 32,
    layers = 2,
    heads = 4,
    kvHeads = 2,
    ff = 64,
    seed = 1,
    maxPixels = 12544,
    spareRows = 0,
    vision = { layers: 0, width: 16 },
  }: TinyModelOptions = {},
): Promise<string> {
  const random = normals(seed)
  const { files, vocab: words, ids } = tokenizerFiles(tokenizer)
  const vocab = words + spareRows
  const { model, processor, patch } = KINDS[kind]
  const headDim = (width / heads) * (kind === 'qwen3_vl' ? 2 : 1)
  const text = {
    head_dim: headDim,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    intermediate_size: ff,
    vocab_size: vocab,
  }
  const config = {
    model_type: kind,
    architectures: [`${model}ForConditionalGeneration`],
    image_token_id: ids.get('<|image_pad|>'),
    video_token_id: ids.get('<|video_pad|>'),
    vision_start_token_id: ids.get('<|vision_start|>'),
    vision_config: { spatial_merge_size: 2 },
    ...(kind === 'qwen2_vl' ? text : { text_config: { model_type: `${kind}_text`, ...text } }),
  }
  const eos = [ids.get('<|im_end|>')!, ids.get('<|endoftext|>')!]
  const jsons: Record<string, unknown> = {
    ...files,
    'config.json': config,
    'generation_config.json': { eos_token_id: eos, pad_token_id: eos[1], max_new_tokens: 8 },
    'preprocessor_config.json': {
      image_processor_type: kind === 'qwen3_vl' ? 'Qwen2VLImageProcessorFast' : 'Qwen2VLImageProcessor',
      processor_class: `${processor}Processor`,
      ...(kind === 'qwen3_vl'
        ? { size: { shortest_edge: 4096, longest_edge: maxPixels } }
        : { min_pixels: 3136, max_pixels: maxPixels }),
      patch_size: patch,
      temporal_patch_size: 2,
      merge_size: 2,
      image_mean: [0.48, 0.46, 0.41],
      image_std: [0.27, 0.26, 0.28],
      do_resize: true,
      do_rescale: true,
      do_normalize: true,
      do_convert_rgb: true,
    },
  }
  await mkdir(join(folder, 'onnx'), { recursive: true })
  for (const [name, content] of Object.entries(jsons)) {
    await writeFile(join(folder, name), JSON.stringify(content))
  }
  const embedding = random(vocab * width, 1)
  const table = new GraphWriter()
  table.op('Gather', [table.floats(embedding, [vocab, width]), 'input_ids'], {}, 'inputs_embeds')
  const embed = table.model(
    [{ name: 'input_ids', type: 'i64', shape: ['batch_size', 'sequence_length'] }],
    [{ name: 'inputs_embeds', type: 'f32', shape: ['batch_size', 'sequence_length', width] }],
  )
  await writeFile(join(folder, 'onnx/embed_tokens.onnx'), embed)
  await writeFile(
    join(folder, 'onnx/vision_encoder.onnx'),
    visionEncoder(kind, width, vision, 6 * patch ** 2, random),
  )
  const decoder = {
    ...{ width, layers, heads, kvHeads, headDim, ff, vocab, attention, logitsToKeep, eos: eos[0]! },
    ...({ positions: 'mrope', normalised: kind === 'qwen3_vl' } as const),
  }
  await writeFile(join(folder, 'onnx/decoder_model_merged.onnx'), decoderModel(decoder, random))
  return folder
}

type Normals = ReturnType<typeof normals>

function visionEncoder(
  kind: string,
  width: number,
  vision: { layers: number; width: number },
  patchSize: number,
  random: Normals,
): Buffer {
  const g = new GraphWriter()
  const linear = (x: string, from: number, to: number, scale: number): string =>
    g.op('MatMul', [x, g.floats(random(from * to, scale), [from, to])])
  let x = linear('pixel_values', patchSize, vision.width, 0.05)
  for (let layer = 0; layer < vision.layers; layer++) {
    const wide = g.op('Tanh', [linear(x, vision.width, 4 * vision.width, 0.05)])
    x = g.op('Add', [x, linear(wide, 4 * vision.width, vision.width, 0.02)])
  }
  const merged = g.op('Reshape', [x, g.ints(-1, 4 * vision.width)])
  const grid = kind === 'qwen2_vl' ? 'grid_thw' : 'image_grid_thw'
  const cast = g.op('Cast', [grid], { to: 1 })
  const nothing = g.op('Mul', [g.op('ReduceSum', [cast], { keepdims: 0 }), g.floats([0], [])])
  const features = linear(g.op('Tanh', [merged]), 4 * vision.width, width, 2 / Math.sqrt(4 * vision.width))
  g.op('Add', [features, nothing], {}, 'image_features')
  return g.model(
    [
      { name: 'pixel_values', type: 'f32', shape: ['num_patches', patchSize] },
      { name: grid, type: 'i64', shape: ['num_images', 3] },
    ],
    [{ name: 'image_features', type: 'f32', shape: ['num_tokens', width] }],
  )
}
