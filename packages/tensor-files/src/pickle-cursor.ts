import { fileError } from './errors.ts'

/** Reads the arguments of pickle instructions. Everything throws an InputError at the end of the bytes. */
export interface PickleCursor {
  /** Position of the next byte. */
  readonly at: number
  readonly length: number
  byte(): number
  uint16(): number
  int32(): number
  uint32(): number
  /** A 64-bit length that must fit into what is left. */
  length64(): number
  /** Big-endian, as pickle has it. */
  float64(): number
  /** Little-endian two's complement of 0 to 32 bytes. */
  long(bytes: number): number | bigint
  /** A view. */
  bytes(length: number): Uint8Array
  /** ASCII up to a newline, which is taken too. */
  line(): string
}

export function createPickleCursor(data: Uint8Array, name: string): PickleCursor {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let at = 0
  const take = (length: number): number => {
    const start = at
    if (length > data.length - start) throw fileError(name, `its pickle is cut off at byte ${start}`)
    at += length
    return start
  }
  const bytes = (length: number): Uint8Array => {
    const start = take(length)
    return data.subarray(start, start + length)
  }
  return {
    get at() {
      return at
    },
    length: data.length,
    bytes,
    byte: () => view.getUint8(take(1)),
    uint16: () => view.getUint16(take(2), true),
    int32: () => view.getInt32(take(4), true),
    uint32: () => view.getUint32(take(4), true),
    length64: () => Number(view.getBigUint64(take(8), true)),
    float64: () => view.getFloat64(take(8), false),
    long(length) {
      if (length > 32) throw fileError(name, `its pickle has a number of ${length} bytes; the limit is 32`)
      return toNumber(bytes(length))
    },
    line() {
      const end = data.indexOf(10, at)
      if (end < 0 || end - at > 200) throw fileError(name, `its pickle has no name at byte ${at}`)
      const text = String.fromCharCode(...bytes(end - at))
      at += 1
      return text
    },
  }
}

function toNumber(bytes: Uint8Array): number | bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  const signed = BigInt.asIntN(bytes.length * 8, value)
  const small = Number(signed)
  return Number.isSafeInteger(small) ? small : signed
}
