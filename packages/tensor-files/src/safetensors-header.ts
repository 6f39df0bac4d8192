import { isUtf8 } from 'node:buffer'
import {
  foreignFormat,
  JsonSyntaxError,
  parseText,
  STRICT,
  type JsonRules,
  type NumberText,
} from '@lever/json-text'
import { fileError } from './errors.ts'
import { CONTAINER_BYTES, memoryBudget } from './budget.ts'
import type { TensorInfo } from './tensor.ts'
import { countElements, DTYPES, isDType } from './tensor.ts'

/** Largest header that is accepted, bytes; the limit of the reference implementation. */
const MAX_HEADER_BYTES: number = 100_000_000

export interface SafetensorsHeader {
  /** In the order of the data. */
  tensors: Map<string, TensorInfo>
  metadata: Map<string, string>
  /** Where the data begins, bytes from the start of the file. */
  dataStart: number
}

/**
 * The length of the header, from the first eight bytes.
 * @throws InputError if it is over {@link MAX_HEADER_BYTES} or does not fit into the file
 */
export function headerLength(first: Uint8Array, fileSize: number, name: string): number {
  if (fileSize < 8) throw fileError(name, `it has ${fileSize} bytes; a safetensors file has at least 8`)
  const view = new DataView(first.buffer, first.byteOffset, 8)
  const length = view.getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES)) {
    const foreign = foreignFormat(first.subarray(0, 8))
    if (foreign !== undefined) throw fileError(name, `it is not a safetensors file but ${foreign}`)
    throw fileError(
      name,
      `its header would have ${length} bytes, the limit is ${MAX_HEADER_BYTES}; it is not a safetensors file`,
    )
  }
  if (Number(length) + 8 > fileSize) {
    throw fileError(
      name,
      `its header of ${length} bytes is longer than the file (${fileSize} bytes); it is cut off or no safetensors file`,
    )
  }
  return Number(length)
}

/**
 * Parses the header and checks that the tensors fill the data without hole or overlap.
 *
 * @throws InputError for everything that the reference implementation refuses: no UTF-8, no
 * JSON object, repeated keys, metadata that is not text, unknown types, bytes that do not equal
 * type times shape, overflow, holes, overlaps, bytes behind the last tensor
 */
export function parseHeader(header: Uint8Array, fileSize: number, name: string): SafetensorsHeader {
  if (!isUtf8(header)) throw fileError(name, 'its header is not UTF-8; it is damaged')
  if (header[0] !== 0x7b)
    throw fileError(name, 'its header does not begin with "{"; it is not a safetensors file')
  const root = parseRoot(header, fileSize, name)
  const dataStart = 8 + header.length
  const metadata = parseMetadata(root.get('__metadata__'), name)
  root.delete('__metadata__')
  const tensors = Array.from(root, ([key, value]) => [key, parseTensor(key, value, name)] as const)
  tensors.sort(([, a], [, b]) => a.start - b.start || a.end - b.end)
  const end = checkCover(tensors, name)
  if (dataStart + end !== fileSize) {
    throw fileError(
      name,
      `its tensors end at byte ${dataStart + end}, the file has ${fileSize}; it is cut off or has foreign bytes`,
    )
  }
  return { tensors: new Map(tensors), metadata, dataStart }
}

/** A value of a header: objects are Maps, and a number that is not whole, or too large, is its text. */
type Json = null | boolean | string | number | NumberText | Json[] | Map<string, Json>

/** As the reference implementation: no key twice, no half of a surrogate pair; any name may be a tensor's. */
const HEADER_RULES: JsonRules = { ...STRICT, protoKey: true, loneSurrogates: false, numbersAsText: true }

function parseRoot(header: Uint8Array, fileSize: number, name: string): Map<string, Json> {
  let root: Json
  try {
    const maxContainers = Math.floor(memoryBudget(fileSize) / CONTAINER_BYTES)
    root = parseText(header, { ...HEADER_RULES, maxContainers }) as Json
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    const { message, offset } = error
    throw fileError(name, `its header is not valid JSON: ${message} at byte ${offset}`, error)
  }
  if (!(root instanceof Map)) throw fileError(name, 'its header is not a JSON object')
  return root
}

function parseMetadata(value: Json | undefined, name: string): Map<string, string> {
  const result = new Map<string, string>()
  if (value === undefined || value === null) return result
  if (!(value instanceof Map)) throw fileError(name, 'its __metadata__ is not an object of texts')
  for (const [key, text] of value) {
    if (typeof text !== 'string') throw fileError(name, `its metadata ${shown(key)} is not text`)
    result.set(key, text)
  }
  return result
}

function parseTensor(key: string, value: Json, name: string): TensorInfo {
  const refuse = (what: string): never => {
    throw fileError(name, `tensor ${shown(key)}: ${what}`)
  }
  if (!(value instanceof Map)) return refuse('its description is not an object')
  const dtype = value.get('dtype')
  if (!isDType(dtype)) {
    return refuse(
      `the type ${JSON.stringify(dtype)} is not supported; use one of ${Object.keys(DTYPES).join(', ')}`,
    )
  }
  const shape = wholeNumbers(value.get('shape'))
  if (shape === undefined) return refuse('its shape is not a list of whole numbers from 0 to 2^53 - 1')
  const [start, end, ...more] = wholeNumbers(value.get('data_offsets')) ?? []
  if (start === undefined || end === undefined || more.length > 0) {
    return refuse('its data_offsets are no two whole numbers')
  }
  const elements = countElements(shape)
  const bytes = elements === undefined ? undefined : elements * DTYPES[dtype].bytes
  if (bytes === undefined || !Number.isSafeInteger(bytes))
    return refuse(`the size of [${shape.join(',')}] overflows`)
  if (end < start) return refuse(`it ends at ${end}, before its start ${start}`)
  if (end - start !== bytes) {
    return refuse(`it has ${end - start} bytes, ${dtype} [${shape.join(',')}] needs ${bytes}`)
  }
  return { dtype, shape, start, end }
}

function wholeNumbers(value: Json | undefined): number[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.every((each) => typeof each === 'number') ? value : undefined
}

function checkCover(tensors: readonly (readonly [string, TensorInfo])[], name: string): number {
  let end = 0
  for (const [key, info] of tensors) {
    if (info.start !== end) {
      const what = info.start < end ? 'overlaps the one before it' : 'leaves a hole before it'
      throw fileError(name, `tensor ${shown(key)} starts at ${info.start} and ${what} (ends at ${end})`)
    }
    end = info.end
  }
  return end
}

function shown(key: string): string {
  return JSON.stringify(key.length > 120 ? `${key.slice(0, 117)}...` : key)
}
