import type { Budget } from './budget.ts'
import { STORAGE_TYPES, UNTYPED_STORAGE, UNTYPED_TYPES, type ElementType } from './element-types.ts'
import { fileError } from './errors.ts'
import { tupleItems } from './pickle-machine.ts'
import { GlobalName, StorageRef, type PickleValue } from './pickle-values.ts'
import type { Layout } from './strided.ts'
import { DTYPES, type TensorEntry } from './tensor.ts'

/** Where the elements of a tensor are still to be read from. */
export interface PendingTensor {
  readonly storage: StorageRef
  readonly type: ElementType
  readonly layout: Layout
  /** Whether PyTorch keeps the elements with the other sign. */
  readonly negated: boolean
}

/** What is known of a PyTorch file while its pickle is read. */
export interface TorchContext {
  /** For messages: the path. */
  readonly name: string
  readonly budget: Budget
  /** Tensors by their entry, in the order of the file. */
  readonly pending: Map<PickleValue, PendingTensor>
  /** Every storage that was named, by its key. */
  readonly storages: Map<string, StorageRef>
  /** NumPy arrays whose content has not come. */
  readonly unfinished: Set<PickleValue>
}

/** @throws InputError always */
export function refuse({ name }: TorchContext, what: string): never {
  throw fileError(name, `${what}; the file is damaged or made to do harm`)
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)`. */
export function rebuildTensor(context: TorchContext, args: readonly PickleValue[]): PickleValue {
  const [storage, offset, size, stride, requiresGrad, , metadata] = args
  if (args.length < 6 || args.length > 7 || typeof requiresGrad !== 'boolean') {
    return refuse(context, 'a tensor is not described as PyTorch does')
  }
  const type = storage instanceof StorageRef ? STORAGE_TYPES.get(storage.type) : undefined
  return addTensor(context, { storage, type, offset, size, stride, metadata })
}

/** `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata)`. */
export function rebuildUntyped(context: TorchContext, args: readonly PickleValue[]): PickleValue {
  const [storage, offset, size, stride, requiresGrad, , dtype, metadata] = args
  if (args.length < 7 || args.length > 8 || typeof requiresGrad !== 'boolean') {
    return refuse(context, 'a tensor is not described as PyTorch does')
  }
  const untyped = storage instanceof StorageRef && storage.type === UNTYPED_STORAGE
  const type = untyped && dtype instanceof GlobalName ? UNTYPED_TYPES.get(dtype.name) : undefined
  return addTensor(context, { storage, type, offset, size, stride, metadata })
}

interface Given {
  readonly storage: PickleValue | undefined
  readonly type: ElementType | undefined
  readonly offset: PickleValue | undefined
  readonly size: PickleValue | undefined
  readonly stride: PickleValue | undefined
  readonly metadata: PickleValue | undefined
}

function addTensor(
  context: TorchContext,
  { storage, type, offset, size, stride, metadata }: Given,
): TensorEntry {
  if (!(storage instanceof StorageRef) || type === undefined)
    return refuse(context, 'a tensor has no storage of its type')
  const layout = {
    offset: toWhole(context, offset),
    shape: toWholes(context, size),
    stride: toWholes(context, stride),
  }
  context.budget.spend(16 * (layout.shape.length + layout.stride.length))
  const { dtype } = type
  const entry: TensorEntry = { dtype, shape: layout.shape, data: new DTYPES[dtype].array(0) }
  context.pending.set(entry, { storage, type, layout, negated: isNegated(context, metadata) })
  return entry
}

/** Metadata are bits of a view: `neg`, which is applied, and `conj`, which only complex tensors have. */
function isNegated(context: TorchContext, metadata: PickleValue | undefined): boolean {
  if (metadata === undefined || metadata === null) return false
  if (!(metadata instanceof Map)) return refuse(context, 'the metadata of a tensor are not a dict')
  for (const [key, value] of metadata) {
    if (key === 'neg' || value === false) continue
    const shown = typeof key === 'string' ? key.slice(0, 40) : 'unknown'
    throw fileError(
      context.name,
      `a tensor is a view with the property ${JSON.stringify(shown)}, which is not read; save tensor.resolve_conj().resolve_neg().clone()`,
    )
  }
  return metadata.get('neg') === true
}

/** `_rebuild_parameter(data, requires_grad, hooks)` and, with state, one more: the data. Other attributes are left out. */
export function rebuildParameter(context: TorchContext, args: readonly PickleValue[]): PickleValue {
  const [data, requiresGrad] = args
  if (
    data === undefined ||
    !context.pending.has(data) ||
    typeof requiresGrad !== 'boolean' ||
    args.length < 3 ||
    args.length > 4
  )
    return refuse(context, 'a parameter is not described as PyTorch does')
  return data
}

/** `torch.Size((2, 3))`: the tuple. */
export function makeSize(context: TorchContext, args: readonly PickleValue[]): PickleValue {
  const [sizes] = args
  if (args.length !== 1 || sizes === undefined || tupleItems(sizes) === undefined)
    return refuse(context, 'a torch.Size is not made of a tuple')
  toWholes(context, sizes)
  return sizes
}

/** The storage of `('storage', class, key, location, size)`. */
export function storageOf(context: TorchContext, id: PickleValue): StorageRef {
  const [kind, type, key, location, size, ...more] = tupleItems(id) ?? []
  const known = type instanceof GlobalName && (STORAGE_TYPES.has(type.name) || type.name === UNTYPED_STORAGE)
  if (
    kind !== 'storage' ||
    more.length > 0 ||
    !known ||
    typeof key !== 'string' ||
    typeof location !== 'string'
  ) {
    return refuse(context, 'a storage is not described as PyTorch does')
  }
  const before = context.storages.get(key)
  const storage = before ?? new StorageRef(type.name, key, toWhole(context, size))
  if (storage.type !== type.name || storage.size !== size)
    return refuse(context, `storage ${key} is described in two ways`)
  context.storages.set(key, storage)
  return storage
}

export function toWhole(context: TorchContext, value: PickleValue | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(context, 'a size, stride or offset is not a whole number from 0 to 2^53 - 1')
}

export function toWholes(context: TorchContext, value: PickleValue | undefined): number[] {
  return Array.isArray(value)
    ? value.map((each) => toWhole(context, each))
    : refuse(context, 'a shape or stride is not a tuple')
}
