import { fileError } from './errors.ts'
import { NUMPY_TYPES, numpyData, numpyType, toCOrder } from './npy-types.ts'
import { tupleItems } from './pickle-machine.ts'
import { GlobalName, LongText, NumpyType, type PickleValue } from './pickle-values.ts'
import { countElements, DTYPES, type TensorEntry } from './tensor.ts'
import { refuse, toWholes, type TorchContext } from './torch-tensors.ts'

/** `numpy._core.multiarray._reconstruct(numpy.ndarray, ...)`: an array whose content comes later. */
export function reconstructArray(context: TorchContext, [type]: readonly PickleValue[]): PickleValue {
  if (!(type instanceof GlobalName) || type.name !== 'numpy.ndarray')
    return refuse(context, 'a NumPy array has another class')
  const entry: TensorEntry = { dtype: 'F32', shape: [], data: new Float32Array(0) }
  context.unfinished.add(entry)
  return entry
}

/** `numpy.dtype('f4', ...)`. */
export function makeType({ name }: TorchContext, [code]: readonly PickleValue[]): PickleValue {
  if (typeof code === 'string' && numpyType(`<${code}`) !== undefined) return new NumpyType(code)
  const shown = typeof code === 'string' ? code.slice(0, 40) : 'unknown'
  throw fileError(
    name,
    `it has a NumPy array of type ${shown}; convert it to one of ${NUMPY_TYPES.join(', ')}`,
  )
}

/** Gives an array its content: `(version, shape, type, is Fortran order, bytes)`. */
export function finishArray(context: TorchContext, entry: TensorEntry, state: PickleValue): void {
  const { budget, unfinished } = context
  const [, shape, type, fortran, bytes] = tupleItems(state) ?? []
  const sizes = toWholes(context, shape)
  const elements = countElements(sizes)
  if (!(type instanceof NumpyType) || !(bytes instanceof Uint8Array) || elements === undefined) {
    return refuse(context, 'a NumPy array is not described as NumPy does')
  }
  const descr = type.order + type.name
  const { dtype, bytes: size } = numpyType(descr)!
  if (elements * size !== bytes.length) {
    return refuse(
      context,
      `a NumPy array ${descr} [${sizes.join(',')}] needs ${elements * size} bytes and has ${bytes.length}`,
    )
  }
  budget.spend(elements * Math.max(0, DTYPES[dtype].bytes - size))
  const data = numpyData(descr, descr.startsWith('>') ? new Uint8Array(bytes) : bytes)
  const isFortran = fortran === true && sizes.length > 1
  if (isFortran) budget.spend(data.byteLength)
  entry.dtype = dtype
  entry.shape = sizes
  entry.data = isFortran ? toCOrder(data, sizes) : data
  unfinished.delete(entry)
}

/** Gives a type its byte order: `(version, order, ...)`. */
export function finishType(context: TorchContext, type: NumpyType, state: PickleValue): void {
  const [, order] = tupleItems(state) ?? []
  if (typeof order !== 'string' || !['<', '>', '|', '='].includes(order))
    return refuse(context, 'a NumPy type has no byte order')
  type.order = order
}

/** `_codecs.encode(text, 'latin1')`: how protocol 2 writes bytes. */
export function encodeLatin1(context: TorchContext, [text, encoding]: readonly PickleValue[]): PickleValue {
  if (encoding !== 'latin1') return refuse(context, 'a text is encoded otherwise than as latin1')
  const utf8 = text instanceof LongText ? text.utf8 : typeof text === 'string' ? Buffer.from(text) : undefined
  if (utf8 === undefined) return refuse(context, 'something is encoded that is not text')
  context.budget.spend(utf8.length)
  return toLatin1(utf8) ?? refuse(context, 'a text is encoded as latin1 that has other characters')
}

/** UTF-8 of characters up to U+00FF as one byte each; undefined for other text. */
function toLatin1(utf8: Uint8Array): Uint8Array | undefined {
  const result = new Uint8Array(countCharacters(utf8))
  let at = 0
  for (let i = 0; i < utf8.length; i++) {
    const byte = utf8[i]!
    if (byte < 0x80) result[at++] = byte
    else if (byte === 0xc2 || byte === 0xc3) {
      const next = utf8[++i]
      if (next === undefined || (next & 0xc0) !== 0x80) return undefined
      result[at++] = ((byte & 3) << 6) | (next & 0x3f)
    } else return undefined
  }
  return result
}

function countCharacters(utf8: Uint8Array): number {
  let count = 0
  for (let i = 0; i < utf8.length; i++) if ((utf8[i]! & 0xc0) !== 0x80) count++
  return count
}
