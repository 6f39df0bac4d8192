import { GraphWriter, type Value } from './onnx-writer.ts'
import type { normals } from './random.ts'

export interface DecoderShape {
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
  /** three ids a token; one; or none, where the slot in the cache is the position */
  positions: 'mrope' | 'sequence' | 'none'
  /** keys and queries normalised, as in Qwen3 */
  normalised: boolean
  /** embeddings, keys and values in half precision outside; inside it is single */
  half?: boolean
}

/** A decoder with random weights, rotary positions and a cache, as exports for transformers.js have it. */
export function decoderModel(shape: DecoderShape, random: ReturnType<typeof normals>): Buffer {
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
  const angles =
    shape.positions === 'mrope' ? multimodalRope(g, headDim) : plainRope(g, headDim, shape.positions)
  const rotate = (x: string, [cos, sin]: readonly [string, string]): string => {
    const half = headDim / 2
    const a = g.op('Slice', [x, g.ints(0), g.ints(half), g.ints(3)])
    const b = g.op('Slice', [x, g.ints(half), g.ints(headDim), g.ints(3)])
    const turned = g.op('Concat', [g.op('Neg', [b]), a], { axis: 3 })
    return g.op('Add', [g.op('Mul', [x, cos]), g.op('Mul', [turned, sin])])
  }
  const join = (x: string): string =>
    g.op('Reshape', [g.op('Transpose', [x], { perm: [0, 2, 1, 3] }), g.ints(0, 0, heads * headDim)])
  const lastRows = (x: string, axis: number): string => {
    const start = g.op('Neg', [g.op('Unsqueeze', ['num_logits_to_keep', g.ints(0)])])
    return g.op('Slice', [x, start, g.ints(2 ** 31), g.ints(axis)])
  }
  const allowed = shape.attention === 'matmul' ? causalMask(g) : ''
  const lengths = shape.attention === 'gqa' ? sequenceLengths(g) : { seqlens: '', total: '' }

  const half = shape.half === true
  const single = (x: string): string => (half ? g.op('Cast', [x], { to: 1 }) : x)
  const inner = (name: string): string => (half ? `${name}.single` : name)
  const give = (name: string): void => {
    if (half) g.op('Cast', [inner(name)], { to: 10 }, name)
  }
  let x = single('inputs_embeds')
  for (let layer = 0; layer < layers; layer++) {
    const h = norm(x)
    const last = shape.logitsToKeep === 'block' && layer === layers - 1
    const asked = (x: string, axis: number): string => (last ? lastRows(x, axis) : x)
    const asking = angles.map((x) => asked(x, 2)) as [string, string]
    const even = (x: string): string => (shape.normalised ? norm(x) : x)
    const q = rotate(even(split(linear(asked(h, 1), width, heads * headDim, 2), heads)), asking)
    const k = rotate(even(split(linear(h, width, kvHeads * headDim, 2), kvHeads)), angles)
    const v = linear(h, width, kvHeads * headDim)
    const present = `present.${layer}`
    const [pastKey, pastValue] = ['key', 'value'].map((part) =>
      single(`past_key_values.${layer}.${part}`),
    ) as [string, string]
    const [presentKey, presentValue] = [inner(`${present}.key`), inner(`${present}.value`)]
    let out: string
    if (shape.attention === 'gqa') {
      const flatK = g.op('Reshape', [
        g.op('Transpose', [k], { perm: [0, 2, 1, 3] }),
        g.ints(0, 0, kvHeads * headDim),
      ])
      out = g.op(
        'GroupQueryAttention',
        [join(q), flatK, v, pastKey, pastValue, lengths.seqlens, lengths.total],
        { num_heads: heads, kv_num_heads: kvHeads },
        [`attn.${layer}`, presentKey, presentValue],
        'com.microsoft',
      )
    } else {
      const keys = g.op('Concat', [pastKey, k], { axis: 2 }, presentKey)
      const values = g.op('Concat', [pastValue, split(v, kvHeads)], { axis: 2 }, presentValue)
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
    give(`${present}.key`)
    give(`${present}.value`)
    x = g.op('Add', [asked(x, 1), linear(out, heads * headDim, width)])
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
        type: half ? 'f16' : 'f32',
        shape: ['batch_size', kvHeads, length, headDim],
      })),
    ).flat()
  return g.model(
    [
      { name: 'inputs_embeds', type: half ? 'f16' : 'f32', shape: ['batch_size', 'sequence_length', width] },
      { name: 'attention_mask', type: 'i64', shape: ['batch_size', 'total_sequence_length'] },
      ...positionInput(shape.positions),
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

function multimodalRope(g: GraphWriter, headDim: number): readonly [cos: string, sin: string] {
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

function plainRope(
  g: GraphWriter,
  headDim: number,
  positions: 'sequence' | 'none',
): readonly [cos: string, sin: string] {
  const half = headDim / 2
  const frequencies = Array.from({ length: half }, (_, i) => 10000 ** (-i / half))
  const ids = positions === 'sequence' ? 'position_ids' : g.op('Unsqueeze', [slots(g), g.ints(0)])
  const column = g.op('Unsqueeze', [g.op('Cast', [ids], { to: 1 }), g.ints(2)])
  const angles = g.op('Mul', [column, g.floats(frequencies, [1, 1, half])])
  const both = g.op('Unsqueeze', [g.op('Concat', [angles, angles], { axis: 2 }), g.ints(1)])
  return [g.op('Cos', [both]), g.op('Sin', [both])]
}

function positionInput(positions: DecoderShape['positions']): Value[] {
  const shape = ['batch_size', 'sequence_length']
  if (positions === 'none') return []
  return [{ name: 'position_ids', type: 'i64', shape: positions === 'mrope' ? [3, ...shape] : shape }]
}

function sizeOf(g: GraphWriter, name: string, axis: number): string {
  return g.op('Gather', [g.op('Shape', [name]), g.scalarInt(axis)], { axis: 0 })
}

/** Slots of the new tokens in the cache, [S]. */
function slots(g: GraphWriter): string {
  const total = sizeOf(g, 'attention_mask', 1)
  return g.op('Range', [g.op('Sub', [total, sizeOf(g, 'inputs_embeds', 1)]), total, g.scalarInt(1)])
}

function causalMask(g: GraphWriter): string {
  const total = sizeOf(g, 'attention_mask', 1)
  const queries = g.op('Unsqueeze', [slots(g), g.ints(1)])
  const keys = g.op('Unsqueeze', [g.op('Range', [g.scalarInt(0), total, g.scalarInt(1)]), g.ints(0)])
  const causal = g.op('LessOrEqual', [keys, queries])
  const seen = g.op('Unsqueeze', [g.op('Cast', ['attention_mask'], { to: 9 }), g.ints(1, 2, 3)])
  return g.op('And', [g.op('Unsqueeze', [causal, g.ints(0, 1, 2)]), seen])
}

function sequenceLengths(g: GraphWriter): { seqlens: string; total: string } {
  const sum = g.op('ReduceSum', ['attention_mask', g.ints(1)], { keepdims: 0 })
  const seqlens = g.op('Cast', [g.op('Sub', [sum, g.scalarInt(1)])], { to: 6 })
  return { seqlens, total: g.op('Cast', [sizeOf(g, 'attention_mask', 1)], { to: 6 }) }
}
