import { writeFileAtomic } from '@lever/durable-files'
import { fileError } from './errors.ts'
import { headerLength, parseHeader } from './safetensors-header.ts'
import { openSource } from './source.ts'
import type { DType, TensorEntry, TensorInfo } from './tensor.ts'
import { bytesOf, countElements, DTYPES, viewAs } from './tensor.ts'

/** The content of a safetensors file. */
export interface TensorFile {
  tensors: Map<string, TensorEntry>
  metadata: Map<string, string>
}

/** What {@link encodeSafetensors} takes. */
export interface TensorFileInput {
  tensors: ReadonlyMap<string, TensorEntry>
  metadata?: ReadonlyMap<string, string>
}

/** An open safetensors file whose tensors are read one by one. */
export interface SafetensorsReader {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: ReadonlyMap<string, string>
  /** @throws InputError if there is no such tensor */
  read(name: string): Promise<TensorEntry>
  /**
   * Rows `from` to `to` (not included) of the first dimension.
   * @throws RangeError if they are not inside
   */
  readRows(name: string, from: number, to: number): Promise<TensorEntry>
  /** Closes the file. */
  close(): Promise<void>
}

/**
 * Decodes a safetensors file. Tensors are views on `bytes` where their address allows it.
 *
 * @throws InputError for everything that the reference implementation refuses
 */
export function decodeSafetensors(bytes: Uint8Array, name = 'safetensors'): TensorFile {
  const length = headerLength(bytes, bytes.length, name)
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.length, name)
  const tensors = new Map<string, TensorEntry>()
  for (const [key, { dtype, shape, start, end }] of header.tensors) {
    const data = bytes.subarray(header.dataStart + start, header.dataStart + end)
    tensors.set(key, { dtype, shape, data: viewAs(dtype, data) })
  }
  return { tensors, metadata: header.metadata }
}

/**
 * Opens a safetensors file of any size: the header is read and checked, tensors on demand.
 *
 * @throws as {@link decodeSafetensors}
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const source = await openSource(path)
  try {
    const first = await source.read(0, Math.min(8, source.size))
    const length = headerLength(first, source.size, path)
    const { tensors, metadata, dataStart } = parseHeader(await source.read(8, length), source.size, path)
    const find = (name: string): TensorInfo => {
      const info = tensors.get(name)
      if (info !== undefined) return info
      const names = [...tensors.keys()].slice(0, 10).join(', ')
      throw fileError(path, `it has no tensor "${name}"; it has ${tensors.size}: ${names}`)
    }
    const read = async (
      dtype: DType,
      shape: readonly number[],
      start: number,
      end: number,
    ): Promise<TensorEntry> => {
      const bytes = await source.read(dataStart + start, end - start)
      return { dtype, shape, data: viewAs(dtype, bytes) }
    }
    return {
      tensors,
      metadata,
      close: () => source.close(),
      async read(name) {
        const { dtype, shape, start, end } = find(name)
        return read(dtype, shape, start, end)
      },
      async readRows(name, from, to) {
        const { dtype, shape, start, end } = find(name)
        const [rows = -1, ...rest] = shape
        const inside = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= rows
        if (!inside) {
          throw new RangeError(
            `tensor-files: rows ${from} to ${to} are not inside "${name}" [${shape.join(',')}] of ${path}`,
          )
        }
        const bytes = rows === 0 ? 0 : (end - start) / rows
        return read(dtype, [to - from, ...rest], start + from * bytes, start + to * bytes)
      },
    }
  } catch (error) {
    await source.close()
    throw error
  }
}

/**
 * Reads a whole safetensors file, tensor by tensor into arrays of their own.
 *
 * @throws as {@link decodeSafetensors}
 */
export async function readSafetensors(path: string): Promise<TensorFile> {
  const reader = await openSafetensors(path)
  try {
    const tensors = new Map<string, TensorEntry>()
    for (const name of reader.tensors.keys()) tensors.set(name, await reader.read(name))
    return { tensors, metadata: new Map(reader.metadata) }
  } finally {
    await reader.close()
  }
}

/**
 * Encodes tensors and metadata. Equal input gives equal bytes: tensors are ordered as the
 * reference implementation does (widest type first, then by name), metadata by key.
 *
 * @throws TypeError if data, type and shape of a tensor do not agree, or a name is not allowed
 */
export function encodeSafetensors({ tensors, metadata = new Map() }: TensorFileInput): Uint8Array {
  const order = Object.keys(DTYPES)
  const sorted = [...tensors].sort(
    ([a, { dtype: left }], [b, { dtype: right }]) =>
      order.indexOf(left) - order.indexOf(right) || compareNames(a, b),
  )
  const parts: string[] = []
  if (metadata.size > 0) parts.push(`"__metadata__":${encodeMetadata(metadata)}`)
  let offset = 0
  for (const [name, entry] of sorted) {
    checkEntry(name, entry)
    const end = offset + entry.data.byteLength
    parts.push(
      `${jsonText(name)}:{"dtype":"${entry.dtype}","shape":[${entry.shape.join(',')}],"data_offsets":[${offset},${end}]}`,
    )
    offset = end
  }
  const text = new TextEncoder().encode(`{${parts.join(',')}}`)
  const length = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + length + offset)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, 8)
  bytes.fill(0x20, 8 + text.length, 8 + length)
  let at = 8 + length
  for (const [, { data }] of sorted) {
    bytes.set(bytesOf(data), at)
    at += data.byteLength
  }
  return bytes
}

/**
 * Writes a safetensors file atomically.
 *
 * @throws as {@link encodeSafetensors}; InputError when the path cannot be written
 */
export async function writeSafetensors(path: string, file: TensorFileInput): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(file))
}

function checkEntry(name: string, { dtype, shape, data }: TensorEntry): void {
  const refuse = (what: string): never => {
    throw new TypeError(`tensor-files: tensor "${name}": ${what}`)
  }
  if (name === '__metadata__') refuse('this name is taken by safetensors; use another')
  const count = countElements(shape)
  if (count === undefined) refuse(`[${shape.join(',')}] is not a shape`)
  if (count !== data.length)
    refuse(`[${shape.join(',')}] needs ${count ?? 0} elements, the data has ${data.length}`)
  const { array } = DTYPES[dtype]
  if (!(data instanceof array))
    refuse(`${dtype} needs a ${array.name}, the data is a ${data.constructor.name}`)
}

function encodeMetadata(metadata: ReadonlyMap<string, string>): string {
  const sorted = [...metadata].sort(([a], [b]) => compareNames(a, b))
  return `{${sorted.map(([key, value]) => `${jsonText(key)}:${jsonText(value)}`).join(',')}}`
}

function jsonText(text: string): string {
  if (typeof text !== 'string' || /\p{Surrogate}/u.test(text)) {
    throw new TypeError(
      `tensor-files: ${JSON.stringify(text)} is not valid text; names and metadata are texts`,
    )
  }
  return JSON.stringify(text)
}

function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
