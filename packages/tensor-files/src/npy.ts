import { writeFileAtomic } from '@lever/durable-files'
import { fileError } from './errors.ts'
import type { NpyHeader } from './npy-header.ts'
import { npyHeaderRange, parseNpyHeader } from './npy-header.ts'
import { NUMPY_TYPES, numpyData, numpyType, toCOrder } from './npy-types.ts'
import { openSource } from './source.ts'
import type { DType, TensorEntry } from './tensor.ts'
import { bytesOf, countElements, DTYPES } from './tensor.ts'

/**
 * Reads a .npy file (versions 1 to 3, C and Fortran order, both byte orders): f2, f4, f8, i1, i2,
 * i4, i8, u1, u2 and bool. i1, i2 and u2 become I32; the result is in C order.
 *
 * @throws InputError for other types, objects, and files that are cut off or too long
 */
export async function readNpy(path: string): Promise<TensorEntry> {
  const source = await openSource(path)
  try {
    const first = await source.read(0, Math.min(12, source.size))
    const { start, end } = npyHeaderRange(first, source.size, path)
    const plan = makePlan(await source.read(start, end - start), source.size - end, path)
    return build(plan, await source.read(end, plan.bytes))
  } finally {
    await source.close()
  }
}

/**
 * The same from bytes in memory, which are copied.
 *
 * @throws as {@link readNpy}
 */
export function decodeNpy(bytes: Uint8Array, name = 'npy'): TensorEntry {
  const { start, end } = npyHeaderRange(bytes, bytes.length, name)
  const plan = makePlan(bytes.subarray(start, end), bytes.length - end, name)
  return build(plan, new Uint8Array(bytes.subarray(end)))
}

interface Plan extends NpyHeader {
  dtype: DType
  bytes: number
}

function makePlan(headerBytes: Uint8Array, dataBytes: number, name: string): Plan {
  const header = parseNpyHeader(headerBytes, name)
  const { descr, shape, elements } = header
  const type = numpyType(descr)
  if (type === undefined) {
    throw fileError(
      name,
      `the type ${descr} is not supported; convert it to one of ${NUMPY_TYPES.join(', ')}`,
    )
  }
  const bytes = elements * type.bytes
  if (bytes !== dataBytes) {
    throw fileError(
      name,
      `${descr} [${shape.join(',')}] needs ${bytes} bytes, the file has ${dataBytes}; it is cut off or has foreign bytes`,
    )
  }
  return { ...header, dtype: type.dtype, bytes }
}

function build({ descr, shape, dtype, fortranOrder }: Plan, bytes: Uint8Array): TensorEntry {
  const data = numpyData(descr, bytes)
  return { dtype, shape, data: fortranOrder && shape.length > 1 ? toCOrder(data, shape) : data }
}

const DESCRIPTIONS: Readonly<Partial<Record<DType, string>>> = {
  F16: '<f2',
  F32: '<f4',
  F64: '<f8',
  I32: '<i4',
  I64: '<i8',
  U8: '|u1',
  BOOL: '|b1',
}

/**
 * Encodes a tensor as .npy version 1.0, byte for byte as `numpy.save` does.
 *
 * @throws TypeError for BF16, which NumPy has not, or when shape and data do not agree
 */
export function encodeNpy({ dtype, shape, data }: TensorEntry): Uint8Array {
  const descr = DESCRIPTIONS[dtype]
  if (descr === undefined)
    throw new TypeError(`tensor-files: NumPy has no ${dtype}; convert it with toFloat32`)
  if (countElements(shape) !== data.length || !(data instanceof DTYPES[dtype].array)) {
    throw new TypeError(
      `tensor-files: ${dtype} [${shape.join(',')}] does not fit ${data.length} elements of ${data.constructor.name}`,
    )
  }
  const tuple = shape.length === 1 ? `(${shape[0]!},)` : `(${shape.join(', ')})`
  const spare = shape.length > 0 ? ' '.repeat(Math.max(0, 21 - String(shape[0]).length)) : ''
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }${spare}`
  const start = Math.ceil((10 + text.length + 1) / 64) * 64
  const bytes = new Uint8Array(start + data.byteLength)
  const header = text.padEnd(start - 11) + '\n'
  bytes.set(Buffer.from(`\x93NUMPY\x01\x00`, 'latin1'))
  new DataView(bytes.buffer).setUint16(8, header.length, true)
  bytes.set(Buffer.from(header, 'latin1'), 10)
  bytes.set(bytesOf(data), start)
  return bytes
}

/**
 * Writes a .npy file atomically.
 *
 * @throws as {@link encodeNpy}; InputError when the path cannot be written
 */
export async function writeNpy(path: string, entry: TensorEntry): Promise<void> {
  await writeFileAtomic(path, encodeNpy(entry))
}
