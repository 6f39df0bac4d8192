import type { Ort, Session, Tensor } from './ort.ts'

export type FloatType = 'float32' | 'float16'

/** The type of an input or output of a session that holds floats. */
export function floatType(session: Pick<Session, 'inputMetadata'>, input: string): FloatType {
  const found = session.inputMetadata.find(({ name }) => name === input)
  return found?.isTensor === true && found.type === 'float16' ? 'float16' : 'float32'
}

/** A tensor of floats in the type that a session takes. */
export function floatTensor(
  ort: typeof Ort,
  type: FloatType,
  data: Float32Array,
  dims: readonly number[],
): Tensor {
  if (type === 'float32') return new ort.Tensor('float32', data, dims)
  const halves = new Uint16Array(data.length)
  for (let i = 0; i < data.length; i++) halves[i] = floatToHalf(data[i]!)
  return new ort.Tensor('float16', halves, dims)
}

/** Floats of a tensor of float32 or float16. */
export function toFloats(tensor: Tensor): Float32Array {
  return asFloats(tensor.data)
}

/**
 * Floats of the last columns of a tensor [rows, S, V], [rows, columns, V]. Those of float32 stay where they are, with
 * all of their columns; of halves only what is wanted is converted, since a V of real models is large.
 */
export function lastColumns(tensor: Tensor, wanted: number): { floats: Float32Array; columns: number } {
  const [rows, all, size] = tensor.dims as [number, number, number]
  const data = tensor.data as unknown
  if (data instanceof Float32Array || wanted >= all) return { floats: toFloats(tensor), columns: all }
  const floats = new Float32Array(rows * wanted * size)
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * all * size
    const part = (data as Uint16Array).subarray(end - wanted * size, end)
    floats.set(asFloats(part), row * wanted * size)
  }
  return { floats, columns: wanted }
}

let table: Float32Array | undefined

/** Node has an array of halves from 24 on; before, they come as their bits. */
function asFloats(data: unknown): Float32Array {
  if (data instanceof Float32Array) return data
  if (!(data instanceof Uint16Array)) return Float32Array.from(data as ArrayLike<number>)
  table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfToFloat(bits))
  const floats = new Float32Array(data.length)
  for (let i = 0; i < data.length; i++) floats[i] = table[data[i]!]!
  return floats
}

/** IEEE 754 half precision bits to a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

const WORD = new Float32Array(1)
const BITS = new Uint32Array(WORD.buffer)

/** A number to half precision bits, to the nearest and to even when halfway. */
export function floatToHalf(value: number): number {
  WORD[0] = value
  const bits = BITS[0]!
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude >= 0x47800000) return magnitude > 0x7f800000 ? sign | 0x7e00 : sign | 0x7c00
  if (magnitude < 0x38800000) return sign | roundEven(Math.abs(WORD[0]) * 2 ** 24)
  return sign | roundEven((magnitude - 0x38000000) / 2 ** 13)
}

function roundEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
