import type { TensorEntry } from './tensor.ts'

/**
 * A value of a PyTorch file: None is null, dict and OrderedDict are Maps, list and tuple are
 * arrays (tuples frozen), bytes are a Uint8Array, a whole number beyond 2^53 is a bigint, a tensor
 * and a NumPy array are {@link TensorEntry}s.
 */
export type TorchValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TorchValue[]
  | Map<TorchValue, TorchValue>
  | Set<TorchValue>
  | TensorEntry

/** A name of the allow-list, as a value on the stack. It has no code behind it. */
export class GlobalName {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** A storage that a tensor points into. */
export class StorageRef {
  readonly type: string
  readonly key: string
  /** Elements. */
  readonly size: number
  constructor(type: string, key: string, size: number) {
    this.type = type
    this.key = key
    this.size = size
  }
}

/** A text too long to be one; only the bytes of a NumPy array come so. */
export class LongText {
  readonly utf8: Uint8Array
  constructor(utf8: Uint8Array) {
    this.utf8 = utf8
  }
}

/** A `numpy.dtype` before and after its state came. */
export class NumpyType {
  readonly name: string
  order = '<'
  constructor(name: string) {
    this.name = name
  }
}

/** What may lie on the stack of the unpickler. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | TensorEntry
  | GlobalName
  | StorageRef
  | LongText
  | NumpyType
