import type { Budget } from './budget.ts'
import { fileError } from './errors.ts'
import { NUMPY_TYPES, numpyData, numpyType, toCOrder } from './npy-types.ts'
import type { PickleValue } from './pickle-values.ts'
import { GlobalName, LongText, NumpyType, StorageRef } from './pickle-values.ts'
import type { Layout } from './strided.ts'
import type { DType, TensorEntry } from './tensor.ts'
import { countElements, DTYPES } from './tensor.ts'
import type { PickleActions } from './unpickle.ts'
import { tupleItems } from './unpickle.ts'

/** The storage classes of PyTorch and their element types. */
export const STORAGE_TYPES: ReadonlyMap<string, DType> = new Map([
  ['torch.FloatStorage', 'F32'],
  ['torch.DoubleStorage', 'F64'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
])

/** Every name that a PyTorch file may load; nothing is looked up outside of this list. */
export const ALLOWED_GLOBALS: ReadonlySet<string> = new Set([
  ...STORAGE_TYPES.keys(),
  'torch._utils._rebuild_tensor_v2',
  'collections.OrderedDict',
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray._reconstruct',
  'numpy.ndarray',
  'numpy.dtype',
  '_codecs.encode',
])

/** A tensor whose elements are still to be read from a storage. */
export interface PendingTensor {
  entry: TensorEntry
  storage: StorageRef
  layout: Layout
}

export interface TorchActions extends PickleActions {
  readonly pending: PendingTensor[]
  /** Every storage that was named, by its key. */
  readonly storages: Map<string, StorageRef>
  /** NumPy arrays whose content has not come. */
  readonly unfinished: Set<PickleValue>
}

/** What the allowed names do: describe tensors, and make Maps, bytes and NumPy arrays. */
export function createTorchActions(name: string, budget: Budget): TorchActions {
  const pending: PendingTensor[] = []
  const storages = new Map<string, StorageRef>()
  const unfinished = new Set<PickleValue>()
  const refuse = (what: string): never => {
    throw fileError(name, `${what}; the file is damaged or made to do harm`)
  }

  function rebuildTensor(args: readonly PickleValue[]): PickleValue {
    const [storage, offset, shape, stride, requiresGrad] = args
    if (!(storage instanceof StorageRef)) return refuse('a tensor has no storage')
    if (args.length < 6 || args.length > 7 || typeof requiresGrad !== 'boolean') {
      return refuse('a tensor is not described as PyTorch does')
    }
    const layout = { offset: toWhole(offset), shape: toWholes(shape), stride: toWholes(stride) }
    const { shape: sizes } = layout
    budget.spend(16 * (sizes.length + layout.stride.length))
    const dtype = STORAGE_TYPES.get(storage.type)!
    const entry: TensorEntry = { dtype, shape: sizes, data: new DTYPES[dtype].array(0) }
    pending.push({ entry, storage, layout })
    return entry
  }

  function orderedDict(args: readonly PickleValue[]): PickleValue {
    const result = new Map<PickleValue, PickleValue>()
    if (args.length === 0) return result
    return refuse('an OrderedDict has arguments')
  }

  function encode([text, encoding]: readonly PickleValue[]): PickleValue {
    if (encoding !== 'latin1') return refuse('a text is encoded otherwise than as latin1')
    const utf8 =
      text instanceof LongText ? text.utf8 : typeof text === 'string' ? Buffer.from(text) : undefined
    if (utf8 === undefined) return refuse('something is encoded that is no text')
    budget.spend(utf8.length)
    return toLatin1(utf8) ?? refuse('a text is encoded as latin1 that has other characters')
  }

  function reconstruct([type]: readonly PickleValue[]): PickleValue {
    if (!(type instanceof GlobalName) || type.name !== 'numpy.ndarray')
      return refuse('a NumPy array has another class')
    const entry: TensorEntry = { dtype: 'F32', shape: [], data: new Float32Array(0) }
    unfinished.add(entry)
    return entry
  }

  function dtype([code]: readonly PickleValue[]): PickleValue {
    if (typeof code === 'string' && numpyType(`<${code}`) !== undefined) return new NumpyType(code)
    const shown = typeof code === 'string' ? code.slice(0, 40) : 'unknown'
    throw fileError(
      name,
      `it has a NumPy array of type ${shown}; convert it to one of ${NUMPY_TYPES.join(', ')}`,
    )
  }

  function finishArray(entry: TensorEntry, state: PickleValue): void {
    const [, shape, type, fortran, bytes] = tupleItems(state) ?? []
    const sizes = toWholes(shape)
    const elements = countElements(sizes)
    if (!(type instanceof NumpyType) || !(bytes instanceof Uint8Array) || elements === undefined) {
      return refuse('a NumPy array is not described as NumPy does')
    }
    const descr = type.order + type.name
    const { dtype, bytes: size } = numpyType(descr)!
    if (elements * size !== bytes.length) {
      return refuse(
        `a NumPy array ${descr} [${sizes.join(',')}] needs ${elements * size} bytes and has ${bytes.length}`,
      )
    }
    budget.spend(elements * Math.max(0, DTYPES[dtype].bytes - size))
    const data = numpyData(descr, descr.startsWith('>') ? new Uint8Array(bytes) : bytes)
    if (fortran === true && sizes.length > 1) budget.spend(data.byteLength)
    entry.dtype = dtype
    entry.shape = sizes
    entry.data = fortran === true && sizes.length > 1 ? toCOrder(data, sizes) : data
    unfinished.delete(entry)
  }

  function finishType(type: NumpyType, state: PickleValue): void {
    const [, order] = tupleItems(state) ?? []
    if (typeof order !== 'string' || !['<', '>', '|', '='].includes(order))
      return refuse('a NumPy type has no byte order')
    type.order = order
  }

  const calls = new Map<string, (args: readonly PickleValue[]) => PickleValue>([
    ['torch._utils._rebuild_tensor_v2', rebuildTensor],
    ['collections.OrderedDict', orderedDict],
    ['numpy.core.multiarray._reconstruct', reconstruct],
    ['numpy._core.multiarray._reconstruct', reconstruct],
    ['numpy.dtype', dtype],
    ['_codecs.encode', encode],
  ])

  function toWhole(value: PickleValue | undefined): number {
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : refuse('a size, stride or offset is no whole number from 0 to 2^53 - 1')
  }

  function toWholes(value: PickleValue | undefined): number[] {
    return Array.isArray(value) ? value.map(toWhole) : refuse('a shape or stride is no tuple')
  }

  return {
    globals: ALLOWED_GLOBALS,
    pending,
    storages,
    unfinished,
    call(callee, args) {
      const action = calls.get(callee.name)
      return action === undefined ? refuse(`${callee.name} is called`) : action(args)
    },
    build(value, state) {
      if (value instanceof Map && state instanceof Map) return
      if (value instanceof NumpyType) finishType(value, state)
      else if (unfinished.has(value)) finishArray(value as TensorEntry, state)
      else refuse('BUILD on something that has no state')
    },
    persistent(id) {
      const [kind, type, key, location, size, ...more] = tupleItems(id) ?? []
      const known = type instanceof GlobalName && STORAGE_TYPES.has(type.name)
      if (
        kind !== 'storage' ||
        more.length > 0 ||
        !known ||
        typeof key !== 'string' ||
        typeof location !== 'string'
      ) {
        return refuse('a storage is not described as PyTorch does')
      }
      const before = storages.get(key)
      const storage = before ?? new StorageRef(type.name, key, toWhole(size))
      if (storage.type !== type.name || storage.size !== size)
        return refuse(`storage ${key} is described in two ways`)
      storages.set(key, storage)
      return storage
    },
  }
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
