import { fileError } from './errors.ts'
import { countElements } from './tensor.ts'

/** What the header of a .npy file says. */
export interface NpyHeader {
  /** Type and byte order as NumPy writes them, e.g. `<f4`. */
  descr: string
  fortranOrder: boolean
  shape: readonly number[]
  /** Product of the shape. */
  elements: number
}

/** Longest header that is accepted, bytes; NumPy's own limit for untrusted files. */
const MAX_HEADER_BYTES = 10_000

const MAX_RANK = 64

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/**
 * Where the header text lies in a .npy file, from its first twelve bytes.
 * @throws InputError if it is not a .npy file of version 1, 2 or 3
 */
export function npyHeaderRange(
  first: Uint8Array,
  fileSize: number,
  name: string,
): { start: number; end: number } {
  if (first.length < 10 || MAGIC.some((byte, i) => first[i] !== byte)) {
    throw fileError(name, 'it does not begin as a .npy file does; save it with numpy.save')
  }
  const major = first[6]!
  const minor = first[7]!
  if (major < 1 || major > 3 || minor !== 0) {
    throw fileError(name, `it is .npy version ${major}.${minor}; versions 1.0, 2.0 and 3.0 are read`)
  }
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength)
  const start = major === 1 ? 10 : 12
  if (first.length < start) throw fileError(name, 'it is cut off in the header')
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MAX_HEADER_BYTES)
    throw fileError(name, `its header of ${length} bytes is over the limit of ${MAX_HEADER_BYTES}`)
  if (start + length > fileSize) throw fileError(name, 'it is cut off in the header')
  return { start, end: start + length }
}

/**
 * Parses the header, a Python dictionary with exactly `descr`, `fortran_order` and `shape`.
 * @throws InputError if it is anything else
 */
export function parseNpyHeader(header: Uint8Array, name: string): NpyHeader {
  const text = new TextDecoder('latin1').decode(header)
  const refuse = (what: string): never => {
    throw fileError(name, `${what} in the header ${JSON.stringify(text.trim().slice(0, 200))}`)
  }
  const fields = new Map<string, string>()
  const inside = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1]?.trim() ?? refuse('no dictionary')
  let at = 0
  while (at < inside.length) {
    FIELD.lastIndex = at
    const [all, key, value] = FIELD.exec(inside) ?? refuse('an entry that is not understood')
    if (key === undefined || value === undefined || fields.has(key)) return refuse('a repeated entry')
    fields.set(key, value)
    at += all.length
    if (all.endsWith(',') || at === inside.length) continue
    refuse('a missing comma')
  }
  const descr = /^(['"])([<>|=][a-z]\d+)\1$/.exec(fields.get('descr') ?? '')?.[2]
  const order = fields.get('fortran_order')
  const shape = parseShape(fields.get('shape'))
  const exact = fields.size === 3 && (order === 'True' || order === 'False')
  if (descr === undefined) return refuse('a type that is not supported')
  if (!exact || shape === undefined) return refuse('something missing or unknown')
  if (shape.length > MAX_RANK) return refuse(`more than ${MAX_RANK} dimensions`)
  const elements = countElements(shape) ?? refuse('a size that overflows')
  return { descr, fortranOrder: order === 'True', shape, elements }
}

const FIELD = /\s*['"]([a-z_]+)['"]\s*:\s*('[^']*'|"[^"]*"|\([^()]*\)|True|False|\[[^]*\])\s*,?/y

function parseShape(text: string | undefined): number[] | undefined {
  const inside = /^\(\s*((?:\d+L?\s*,\s*)*(?:\d+L?)?)\s*\)$/.exec(text ?? '')?.[1]
  if (inside === undefined) return undefined
  const sizes = inside.split(',').map((size) => size.trim())
  if (sizes.at(-1) === '') sizes.pop()
  else if (sizes.length === 1) return undefined
  return sizes.map((size) => Number(size.replace('L', '')))
}
