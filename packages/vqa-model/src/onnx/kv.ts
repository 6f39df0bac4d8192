import type { Ort, Tensor } from './ort.ts'

/**
 * Keys and values of `rows` prefixes, side by side. All rows have the same number of slots; a
 * slot that holds padding or a rejected token is masked out and stays where it is.
 */
export interface KvBlock {
  rows: number
  slots: number
  /** [rows, slots], 1 where the slot counts */
  mask: Uint8Array
  /** [rows] position of the next token */
  next: Int32Array
  /** per layer keys then values, [rows, heads, slots, head size] each */
  past: readonly Tensor[]
}

export interface KvLayout {
  layers: number
  heads: number
  headDim: number
  type: 'float32' | 'float16'
}

export function bytesPerSlot({ layers, heads, headDim, type }: KvLayout): number {
  return 2 * layers * heads * headDim * (type === 'float16' ? 2 : 4)
}

/** The block before the first token: one row, no slots. */
export function emptyBlock(ort: typeof Ort, { layers, heads, headDim, type }: KvLayout): KvBlock {
  const data = type === 'float16' ? new Uint16Array(0) : new Float32Array(0)
  const past = Array.from(
    { length: 2 * layers },
    () => new ort.Tensor(type, data as Float32Array, [1, heads, 0, headDim]),
  )
  return { rows: 1, slots: 0, mask: new Uint8Array(0), next: new Int32Array(1), past }
}

type Numbers = Float32Array | Uint16Array

/** Memory that is used again for every run, one piece per tensor. */
export type Scratch = Map<number, Numbers>

/**
 * The rows of a block in another order; a row may be repeated. No copy when nothing changes.
 * With `scratch` the keys and values hold until the next call with it.
 */
export function gatherRows(
  ort: typeof Ort,
  block: KvBlock,
  rows: readonly number[],
  scratch?: Scratch,
): KvBlock {
  if (rows.length === block.rows && rows.every((row, i) => row === i)) return block
  const { slots } = block
  const mask = new Uint8Array(rows.length * slots)
  rows.forEach((row, i) => mask.set(block.mask.subarray(row * slots, (row + 1) * slots), i * slots))
  const past = block.past.map((tensor, piece) => {
    const [, heads, , size] = tensor.dims as [number, number, number, number]
    const from = tensor.data as unknown as Numbers
    const stride = heads * slots * size
    const to = take(scratch, piece, from, rows.length * stride)
    rows.forEach((row, i) => to.set(from.subarray(row * stride, (row + 1) * stride), i * stride))
    return tensorLike(ort, tensor, to, [rows.length, heads, slots, size])
  })
  return { rows: rows.length, slots, mask, next: Int32Array.from(rows, (row) => block.next[row]!), past }
}

/** The first slots of a block of one row. */
export function firstSlots(ort: typeof Ort, block: KvBlock, slots: number): KvBlock {
  if (slots === block.slots) return block
  if (block.rows !== 1) throw new RangeError(`vqa-model: a block of ${block.rows} rows cannot be cut`)
  const past = block.past.map((tensor) => {
    const [, heads, total, size] = tensor.dims as [number, number, number, number]
    const from = tensor.data as unknown as Numbers
    const to = like(from, heads * slots * size)
    for (let h = 0; h < heads; h++) {
      to.set(from.subarray(h * total * size, (h * total + slots) * size), h * slots * size)
    }
    return tensorLike(ort, tensor, to, [1, heads, slots, size])
  })
  return { rows: 1, slots, mask: block.mask.slice(0, slots), next: block.next.slice(), past }
}

function take(scratch: Scratch | undefined, piece: number, numbers: Numbers, length: number): Numbers {
  const known = scratch?.get(piece)
  if (known !== undefined && known.length >= length) return known.subarray(0, length)
  const made = like(numbers, length)
  scratch?.set(piece, made)
  return made
}

function like(numbers: Numbers, length: number): Numbers {
  return new (numbers.constructor as new (length: number) => Numbers)(length)
}

function tensorLike(ort: typeof Ort, tensor: Tensor, data: Numbers, dims: readonly number[]): Tensor {
  return new ort.Tensor(tensor.type as 'float32', data as Float32Array, dims)
}
