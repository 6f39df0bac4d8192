import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename, join, posix } from 'node:path'
import { InputError } from '@lever/durable-files'

/**
 * Which fields of the messages of an ONNX file lead to tensors with external data: field number -> message.
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const FIELDS = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
  entry: {},
} as const satisfies Record<string, Readonly<Record<number, string>>>

type Message = keyof typeof FIELDS

/** Bytes read at a time: a graph without weights is a few hundred KB, and weights are jumped over. */
const WINDOW_BYTES = 2 ** 16
const MAX_NAME_BYTES = 4096
/** Graphs within graphs; a file that goes deeper is none that an exporter writes. */
const MAX_DEPTH = 64

/**
 * The files with external data that an ONNX file refers to, whatever their names, by reading no weights.
 *
 * @returns names in the folder of the file, sorted; none for a file that is not valid, which ONNX Runtime refuses
 * @throws InputError for a name that leads out of that folder
 */
export function externalFiles(path: string): string[] {
  const descriptor = openSync(path, 'r')
  const names = new Set<string>()
  try {
    const reader = createReader(descriptor)
    walk(reader, 'model', 0, fstatSync(descriptor).size, names, 0)
  } catch (error) {
    if (error instanceof RangeError) return []
    throw error
  } finally {
    closeSync(descriptor)
  }
  for (const name of names) {
    if (name !== '' && name !== '.' && name !== '..' && basename(name) === name && !name.includes('\\'))
      continue
    throw new InputError(
      `vqa-model: ${path} keeps weights in ${JSON.stringify(name)}, outside its own folder; export it again with the data beside it`,
    )
  }
  return [...names].sort()
}

/**
 * The same for graphs of a model's folder, as paths in it: `onnx/model.onnx` -> `onnx/model.onnx_data`, each once.
 *
 * @throws as {@link externalFiles}
 */
export function externalFilesOf(folder: string, graphs: readonly string[]): string[] {
  const paths = graphs.flatMap((graph) =>
    externalFiles(join(folder, graph)).map((name) => posix.join(posix.dirname(graph), name)),
  )
  return [...new Set(paths)]
}

interface Reader {
  /** @throws RangeError beyond the end of the file */
  readonly byte: (at: number) => number
  readonly text: (from: number, to: number) => string
}

function createReader(descriptor: number): Reader {
  const window = Buffer.alloc(WINDOW_BYTES)
  let [start, end] = [0, 0]
  return {
    byte(at) {
      if (at < start || at >= end) {
        start = at
        end = at + readSync(descriptor, window, 0, WINDOW_BYTES, at)
        if (at >= end) throw new RangeError('the file ends within a field')
      }
      return window[at - start]!
    },
    text(from, to) {
      if (to - from > MAX_NAME_BYTES) throw new RangeError('a name is too long')
      const bytes = Buffer.alloc(to - from)
      readSync(descriptor, bytes, 0, to - from, from)
      return bytes.toString('utf8')
    },
  }
}

/** @throws RangeError for what is not a message */
function walk(
  reader: Reader,
  message: Message,
  from: number,
  to: number,
  names: Set<string>,
  depth: number,
): void {
  if (depth > MAX_DEPTH) throw new RangeError('graphs are nested too deeply')
  const fields: Readonly<Record<number, Message>> = FIELDS[message]
  let at = from
  while (at < to) {
    const tag = varint(reader, at)
    const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8]
    if (wire === 2) {
      const length = varint(reader, tag.next)
      const end = length.next + length.value
      if (end > to) throw new RangeError('a field ends beyond its message')
      const inner = fields[number]
      if (inner === 'entry') noteLocation(reader, length.next, end, names)
      else if (inner !== undefined) walk(reader, inner, length.next, end, names, depth + 1)
      at = end
    } else if (wire === 0) at = varint(reader, tag.next).next
    else if (wire === 1 || wire === 5) at = tag.next + (wire === 1 ? 8 : 4)
    else throw new RangeError(`wire type ${wire}`)
  }
}

/** An entry of `external_data`: key (1) and value (2), both texts. */
function noteLocation(reader: Reader, from: number, to: number, names: Set<string>): void {
  const texts = new Map<number, string>()
  for (let at = from; at < to;) {
    const tag = varint(reader, at)
    if (tag.value % 8 !== 2) throw new RangeError('an entry holds more than texts')
    const length = varint(reader, tag.next)
    at = length.next + length.value
    if (at > to) throw new RangeError('a field ends beyond its message')
    texts.set(Math.floor(tag.value / 8), reader.text(length.next, at))
  }
  if (texts.get(1) === 'location') names.add((texts.get(2) ?? '').replace(/^\.\//, ''))
}

function varint(reader: Reader, at: number): { value: number; next: number } {
  let value = 0
  for (let i = 0; i < 10; i++) {
    const byte = reader.byte(at + i)
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, next: at + i + 1 }
  }
  throw new RangeError('a number has more than ten bytes')
}
