import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GraphWriter, type Value } from './onnx-writer.ts'
import { normals } from './random.ts'
import { tokenizerFiles, type TokenizerKind } from './tokenizer-files.ts'

export interface TinyModelOptions {
  kind?: 'qwen2_vl' | 'qwen2_5_vl'
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
  const headDim = width / heads
  const text = {
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    intermediate_size: ff,
    vocab_size: vocab,
  }
  const config = {
    model_type: kind,
    architectures: [
      kind === 'qwen2_vl' ? 'Qwen2VLForConditionalGeneration' : 'Qwen2_5_VLForConditionalGeneration',
    ],
    image_token_id: ids.get('<|image_pad|>'),
    video_token_id: ids.get('<|video_pad|>'),
    vision_start_token_id: ids.get('<|vision_start|>'),
    vision_config: { spatial_merge_size: 2 },
    ...(kind === 'qwen2_vl' ? text : { text_config: { model_type: 'qwen2_5_vl_text', ...text } }),
  }
  const eos = [ids.get('<|im_end|>')!, ids.get('<|endoftext|>')!]
  const jsons: Record<string, unknown> = {
    ...files,
    'config.json': config,
    'generation_config.json': { eos_token_id: eos, pad_token_id: eos[1], max_new_tokens: 8 },
    'preprocessor_config.json': {
      image_processor_type: 'Qwen2VLImageProcessor',
      processor_class: kind === 'qwen2_vl' ? 'Qwen2VLProcessor' : 'Qwen2_5_VLProcessor',
      min_pixels: 3136,
      max_pixels: maxPixels,
      patch_size: 14,
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
  await writeFile(join(folder, 'onnx/vision_encoder.onnx'), visionEncoder(kind, width, vision, random))
  const decoder = { width, layers, heads, kvHeads, headDim, ff, vocab, attention, logitsToKeep, eos: eos[0]! }
  await writeFile(join(folder, 'onnx/decoder_model_merged.onnx'), decoderModel(decoder, random))
  return folder
}

type Normals = ReturnType<typeof normals>

function visionEncoder(
  kind: string,
  width: number,
  vision: { layers: number; width: number },
  random: Normals,
): Buffer {
  const g = new GraphWriter()
  const linear = (x: string, from: number, to: number, scale: number): string =>
    g.op('MatMul', [x, g.floats(random(from * to, scale), [from, to])])
  let x = linear('pixel_values', 1176, vision.width, 0.05)
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
      { name: 'pixel_values', type: 'f32', shape: ['num_patches', 1176] },
      { name: grid, type: 'i64', shape: ['num_images', 3] },
    ],
    [{ name: 'image_features', type: 'f32', shape: ['num_tokens', width] }],
  )
}

interface DecoderShape {
  width: number
  layers: number
  heads: number
  kvHeads: number
  headDim: number
  ff: number
  vocab: number
  attention: 'matmul' | 'gqa'
  logitsToKeep: false | 'head' | 'block'
  eos: number
}

function decoderModel(shape: DecoderShape, random: Normals): Buffer {
  const { width, layers, heads, kvHeads, headDim, ff, vocab } = shape
  const g = new GraphWriter()
  const linear = (x: string, from: number, to: number, scale = 1): string =>
    g.op('MatMul', [x, g.floats(random(from * to, scale / Math.sqrt(from)), [from, to])])
  const norm = (x: string): string => {
    const square = g.op('ReduceMean', [g.op('Mul', [x, x])], { axes: [-1], keepdims: 1 })
    return g.op('Div', [x, g.op('Sqrt', [g.op('Add', [square, g.floats([1e-6], [])])])])
  }
  const split = (x: string, count: number): string =>
    g.op('Transpose', [g.op('Reshape', [x, g.ints(0, 0, count, headDim)])], { perm: [0, 2, 1, 3] })
  const angles = rope(g, headDim)
  const rotate = (x: string, [cos, sin]: readonly [string, string]): string => {
    const half = headDim / 2
    const a = g.op('Slice', [x, g.ints(0), g.ints(half), g.ints(3)])
    const b = g.op('Slice', [x, g.ints(half), g.ints(headDim), g.ints(3)])
    const turned = g.op('Concat', [g.op('Neg', [b]), a], { axis: 3 })
    return g.op('Add', [g.op('Mul', [x, cos]), g.op('Mul', [turned, sin])])
  }
  const join = (x: string): string =>
    g.op('Reshape', [g.op('Transpose', [x], { perm: [0, 2, 1, 3] }), g.ints(0, 0, width)])
  const lastRows = (x: string, axis: number): string => {
    const start = g.op('Neg', [g.op('Unsqueeze', ['num_logits_to_keep', g.ints(0)])])
    return g.op('Slice', [x, start, g.ints(2 ** 31), g.ints(axis)])
  }
  const allowed = shape.attention === 'matmul' ? causalMask(g) : ''
  const lengths = shape.attention === 'gqa' ? sequenceLengths(g) : { seqlens: '', total: '' }

  let x = 'inputs_embeds'
  for (let layer = 0; layer < layers; layer++) {
    const h = norm(x)
    const last = shape.logitsToKeep === 'block' && layer === layers - 1
    const asked = (x: string, axis: number): string => (last ? lastRows(x, axis) : x)
    const asking = angles.map((x) => asked(x, 2)) as [string, string]
    const q = rotate(split(linear(asked(h, 1), width, width, 2), heads), asking)
    const k = rotate(split(linear(h, width, kvHeads * headDim, 2), kvHeads), angles)
    const v = linear(h, width, kvHeads * headDim)
    const past = `past_key_values.${layer}`
    const present = `present.${layer}`
    let out: string
    if (shape.attention === 'gqa') {
      const flatK = g.op('Reshape', [
        g.op('Transpose', [k], { perm: [0, 2, 1, 3] }),
        g.ints(0, 0, kvHeads * headDim),
      ])
      out = g.op(
        'GroupQueryAttention',
        [join(q), flatK, v, `${past}.key`, `${past}.value`, lengths.seqlens, lengths.total],
        { num_heads: heads, kv_num_heads: kvHeads },
        [`attn.${layer}`, `${present}.key`, `${present}.value`],
        'com.microsoft',
      )
    } else {
      const keys = g.op('Concat', [`${past}.key`, k], { axis: 2 }, `${present}.key`)
      const values = g.op('Concat', [`${past}.value`, split(v, kvHeads)], { axis: 2 }, `${present}.value`)
      const groups = g.op('Reshape', [q, g.ints(0, kvHeads, heads / kvHeads, -1, headDim)])
      const turned = g.op('Unsqueeze', [g.op('Transpose', [keys], { perm: [0, 1, 3, 2] }), g.ints(2)])
      const scores = g.op('Mul', [g.op('MatMul', [groups, turned]), g.floats([1 / Math.sqrt(headDim)], [])])
      const masked = g.op('Where', [asked(allowed, 3), scores, g.floats([-1e30], [])])
      const mixed = g.op('MatMul', [
        g.op('Softmax', [masked], { axis: -1 }),
        g.op('Unsqueeze', [values, g.ints(2)]),
      ])
      out = join(g.op('Reshape', [mixed, g.ints(0, heads, -1, headDim)]))
    }
    x = g.op('Add', [asked(x, 1), linear(out, width, width)])
    const m = norm(x)
    const gate = linear(m, width, ff)
    const silu = g.op('Mul', [gate, g.op('Sigmoid', [gate])])
    x = g.op('Add', [x, linear(g.op('Mul', [silu, linear(m, width, ff)]), ff, width)])
  }
  if (shape.logitsToKeep === 'head') x = lastRows(x, 1)
  const head = random(width * vocab, 4 / Math.sqrt(width))
  for (let row = 0; row < width; row++) head[row * vocab + shape.eos]! *= 1.4
  g.op('MatMul', [norm(x), g.floats(head, [width, vocab])], {}, 'logits')

  const cache = (prefix: string, length: string): Value[] =>
    Array.from({ length: layers }, (_, layer) =>
      ['key', 'value'].map((part): Value => ({
        name: `${prefix}.${layer}.${part}`,
        type: 'f32',
        shape: ['batch_size', kvHeads, length, headDim],
      })),
    ).flat()
  return g.model(
    [
      { name: 'inputs_embeds', type: 'f32', shape: ['batch_size', 'sequence_length', width] },
      { name: 'attention_mask', type: 'i64', shape: ['batch_size', 'total_sequence_length'] },
      { name: 'position_ids', type: 'i64', shape: [3, 'batch_size', 'sequence_length'] },
      ...(shape.logitsToKeep !== false
        ? [{ name: 'num_logits_to_keep', type: 'i64', shape: [] } as Value]
        : []),
      ...cache('past_key_values', 'past_sequence_length'),
    ],
    [
      { name: 'logits', type: 'f32', shape: ['batch_size', 'logits_length', vocab] },
      ...cache('present', 'total_sequence_length'),
    ],
  )
}

function rope(g: GraphWriter, headDim: number): readonly [cos: string, sin: string] {
  const half = headDim / 2
  const sections = [half - 2 * Math.floor(half / 3), Math.floor(half / 3), Math.floor(half / 3)]
  const owner = sections.flatMap((size, axis) => Array.from({ length: size }, () => axis))
  const frequencies = Array.from({ length: half }, (_, i) => 10000 ** (-i / half))
  const pick = [0, 1, 2].flatMap((axis) => frequencies.map((f, i) => (owner[i] === axis ? f : 0)))
  const position = g.op('Unsqueeze', [g.op('Cast', ['position_ids'], { to: 1 }), g.ints(3)])
  const angles = g.op('ReduceSum', [g.op('Mul', [position, g.floats(pick, [3, 1, 1, half])]), g.ints(0)], {
    keepdims: 0,
  })
  const both = g.op('Unsqueeze', [g.op('Concat', [angles, angles], { axis: 2 }), g.ints(1)])
  return [g.op('Cos', [both]), g.op('Sin', [both])]
}

function causalMask(g: GraphWriter): string {
  const size = (name: string, axis: number): string =>
    g.op('Gather', [g.op('Shape', [name]), g.scalarInt(axis)], { axis: 0 })
  const total = size('attention_mask', 1)
  const past = g.op('Sub', [total, size('inputs_embeds', 1)])
  const one = g.scalarInt(1)
  const queries = g.op('Unsqueeze', [g.op('Range', [past, total, one]), g.ints(1)])
  const keys = g.op('Unsqueeze', [g.op('Range', [g.scalarInt(0), total, one]), g.ints(0)])
  const causal = g.op('LessOrEqual', [keys, queries])
  const seen = g.op('Unsqueeze', [g.op('Cast', ['attention_mask'], { to: 9 }), g.ints(1, 2, 3)])
  return g.op('And', [g.op('Unsqueeze', [causal, g.ints(0, 1, 2)]), seen])
}

function sequenceLengths(g: GraphWriter): { seqlens: string; total: string } {
  const sum = g.op('ReduceSum', ['attention_mask', g.ints(1)], { keepdims: 0 })
  const seqlens = g.op('Cast', [g.op('Sub', [sum, g.scalarInt(1)])], { to: 6 })
  const length = g.op('Gather', [g.op('Shape', ['attention_mask']), g.scalarInt(1)], { axis: 0 })
  return { seqlens, total: g.op('Cast', [length], { to: 6 }) }
}
