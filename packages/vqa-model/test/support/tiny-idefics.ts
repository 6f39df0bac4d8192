import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GraphWriter } from './onnx-writer.ts'
import { normals } from './random.ts'
import { decoderModel, type DecoderShape } from './tiny-decoder.ts'
import { tokenizerFiles, type TokenizerKind } from './tokenizer-files.ts'

export interface TinyIdeficsOptions {
  kind?: 'idefics3' | 'smolvlm'
  attention?: DecoderShape['attention']
  positions?: 'sequence' | 'none'
  tokenizer?: TokenizerKind
  logitsToKeep?: DecoderShape['logitsToKeep']
  /** longest edge of a resized image, pixels; a tile has 32 */
  longestEdge?: number
  splitting?: boolean
  /** embeddings, visual tokens, keys and values in half precision */
  half?: boolean
}

const TILE = 32
const PATCH = 8
const TILE_TOKENS = 4

/** Writes a random-weight model in the Hub's layout of SmolVLM: tiles of 32 x 32 pixels, 4 tokens each. */
export async function writeTinyIdefics(
  folder: string,
  {
    kind = 'idefics3',
    attention = 'matmul',
    positions = 'sequence',
    tokenizer = 'bytes',
    logitsToKeep = false,
    longestEdge = 96,
    splitting = true,
    half = false,
  }: TinyIdeficsOptions = {},
): Promise<string> {
  const [width, layers, heads, kvHeads, headDim, ff] = [32, 2, 4, 2, 8, 64]
  const random = normals(5)
  const { files, vocab, ids } = tokenizerFiles(tokenizer, 'idefics')
  const eos = ids.get('<end_of_utterance>')!
  const jsons: Record<string, unknown> = {
    ...files,
    'config.json': {
      model_type: kind,
      architectures: [
        kind === 'idefics3' ? 'Idefics3ForConditionalGeneration' : 'SmolVLMForConditionalGeneration',
      ],
      image_token_id: ids.get('<image>'),
      scale_factor: 2,
      vision_config: { model_type: 'idefics3_vision', patch_size: PATCH, image_size: TILE },
      text_config: {
        model_type: 'llama',
        hidden_size: width,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: kvHeads,
        head_dim: headDim,
        intermediate_size: ff,
        vocab_size: vocab,
        max_position_embeddings: 2048,
      },
    },
    'generation_config.json': {
      eos_token_id: eos,
      pad_token_id: ids.get('<|endoftext|>'),
      max_new_tokens: 8,
    },
    'processor_config.json': { image_seq_len: TILE_TOKENS, processor_class: 'Idefics3Processor' },
    'preprocessor_config.json': {
      image_processor_type: kind === 'idefics3' ? 'Idefics3ImageProcessor' : 'SmolVLMImageProcessor',
      processor_class: kind === 'idefics3' ? 'Idefics3Processor' : 'SmolVLMProcessor',
      do_convert_rgb: true,
      do_image_splitting: splitting,
      do_normalize: true,
      do_pad: true,
      do_rescale: true,
      do_resize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      max_image_size: { longest_edge: TILE },
      size: { longest_edge: longestEdge },
      resample: 1,
    },
  }
  await mkdir(join(folder, 'onnx'), { recursive: true })
  for (const [name, content] of Object.entries(jsons))
    await writeFile(join(folder, name), JSON.stringify(content))
  const table = new GraphWriter()
  const rows = table.floats(random(vocab * width, 1), [vocab, width])
  const found = table.op('Gather', [rows, 'input_ids'], {}, half ? 'found' : 'inputs_embeds')
  if (half) table.op('Cast', [found], { to: 10 }, 'inputs_embeds')
  const type = half ? 'f16' : 'f32'
  const embed = table.model(
    [{ name: 'input_ids', type: 'i64', shape: ['batch_size', 'sequence_length'] }],
    [{ name: 'inputs_embeds', type, shape: ['batch_size', 'sequence_length', width] }],
  )
  await writeFile(join(folder, 'onnx/embed_tokens.onnx'), embed)
  await writeFile(join(folder, 'onnx/vision_encoder.onnx'), tileEncoder(width, random, half))
  const shape = { width, layers, heads, kvHeads, headDim, ff, vocab, attention, logitsToKeep, eos, positions }
  await writeFile(
    join(folder, 'onnx/decoder_model_merged.onnx'),
    decoderModel({ ...shape, normalised: false, half }, random),
  )
  return folder
}

function tileEncoder(width: number, random: ReturnType<typeof normals>, half: boolean): Buffer {
  const g = new GraphWriter()
  const side = TILE / PATCH
  const patches = side ** 2
  const linear = (x: string, from: number, to: number, scale: number): string =>
    g.op('MatMul', [x, g.floats(random(from * to, scale), [from, to])])
  const mask = g.op('Unsqueeze', [g.op('Cast', ['pixel_attention_mask'], { to: 1 }), g.ints(2)])
  const pixels = g.op('Mul', ['pixel_values', mask])
  const grid = g.op('Reshape', [pixels, g.ints(-1, 3, side, PATCH, side, PATCH)])
  const rows = g.op('Transpose', [grid], { perm: [0, 2, 4, 1, 3, 5] })
  const flat = g.op('Reshape', [rows, g.ints(-1, patches, 3 * PATCH ** 2)])
  const hidden = g.op('Tanh', [linear(flat, 3 * PATCH ** 2, 24, 0.08)])
  const joined = g.op('Reshape', [hidden, g.ints(-1, TILE_TOKENS, (patches / TILE_TOKENS) * 24)])
  const from = (patches / TILE_TOKENS) * 24
  g.op(
    'MatMul',
    [joined, g.floats(random(from * width, 2 / Math.sqrt(from)), [from, width])],
    {},
    half ? 'features' : 'image_features',
  )
  if (half) g.op('Cast', ['features'], { to: 10 }, 'image_features')
  return g.model(
    [
      { name: 'pixel_values', type: 'f32', shape: ['batch_size', 'num_images', 3, TILE, TILE] },
      { name: 'pixel_attention_mask', type: 'bool', shape: ['batch_size', 'num_images', TILE, TILE] },
    ],
    [{ name: 'image_features', type: half ? 'f16' : 'f32', shape: ['num_tiles', TILE_TOKENS, width] }],
  )
}
