import type { Budget } from './budget.ts'
import { CONTAINER_BYTES, SMALL_BYTES } from './budget.ts'
import { fileError } from './errors.ts'
import type { PickleValue, TorchValue } from './pickle-values.ts'
import { GlobalName, LongText, NumpyType, StorageRef } from './pickle-values.ts'
import type { TensorEntry } from './tensor.ts'

const MAX_DEPTH = 100

/**
 * Makes sure that a value has no cycle, is not nested deeper than 100 levels, and has nothing in
 * it that is only meant for the unpickler.
 *
 * @throws InputError otherwise
 */
export function checkValue(value: PickleValue, name: string): TorchValue {
  const heights = new Map<PickleValue, number>()
  const open = new Set<PickleValue>()

  function visit(each: PickleValue, depth: number): number {
    if (each instanceof GlobalName)
      throw fileError(name, `it holds the class ${each.name} as a value; save tensors and plain values only`)
    if (each instanceof StorageRef || each instanceof NumpyType) {
      throw fileError(name, 'it holds a bare storage or NumPy type; save tensors and plain values only')
    }
    if (each instanceof LongText)
      throw fileError(name, `it holds a text of ${each.utf8.length} bytes; the limit is 1 MiB`)
    const children = childrenOf(each)
    if (children === undefined) return 0
    if (open.has(each))
      throw fileError(name, 'it holds a value that contains itself; save tensors and plain values only')
    const known = heights.get(each)
    let height = known ?? 0
    if (known === undefined) {
      open.add(each)
      if (depth < MAX_DEPTH)
        for (const child of children) height = Math.max(height, 1 + visit(child, depth + 1))
      else height = MAX_DEPTH
      open.delete(each)
      heights.set(each, height)
    }
    if (depth + height >= MAX_DEPTH)
      throw fileError(name, `its value is nested deeper than ${MAX_DEPTH} levels`)
    return height
  }

  visit(value, 0)
  return value as TorchValue
}

function childrenOf(value: PickleValue): Iterable<PickleValue> | undefined {
  if (Array.isArray(value) || value instanceof Set) return value
  if (value instanceof Map) return [...value.keys(), ...value.values()]
  return undefined
}

/**
 * The tensors of a value by name: those of `model_state_dict`, else of `state_dict`, else of the
 * value itself. Names of nested dicts and lists are joined by dots; a file that is one tensor
 * has it under `tensor`. Tensors under keys that are not text or number are left out.
 *
 * @throws InputError if two tensors have the same name
 */
export function collectTensors(value: TorchValue, name: string, budget: Budget): Map<string, TensorEntry> {
  const result = new Map<string, TensorEntry>()

  function add(each: TorchValue, path: string): void {
    budget.spend(SMALL_BYTES)
    if (isTensor(each)) {
      budget.spend(CONTAINER_BYTES + path.length)
      const key = path === '' ? 'tensor' : path
      if (result.has(key)) throw fileError(name, `two tensors are called "${key}"; rename one of them`)
      result.set(key, each)
    } else if (each instanceof Map) {
      for (const [key, child] of each) {
        if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint')
          addChild(String(key), child, path)
      }
    } else if (Array.isArray(each)) {
      for (const [i, child] of each.entries()) addChild(String(i), child, path)
    }
  }

  function addChild(key: string, child: TorchValue, path: string): void {
    add(child, path === '' ? key : `${path}.${key}`)
  }

  add(stateDict(value), '')
  return result
}

function stateDict(value: TorchValue): TorchValue {
  if (!(value instanceof Map)) return value
  for (const key of ['model_state_dict', 'state_dict']) {
    const found = value.get(key)
    if (found instanceof Map) return found
  }
  return value
}

/** Is this value of a PyTorch file a tensor (or a NumPy array)? */
export function isTensor(value: TorchValue): value is TensorEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Map || value instanceof Set || value instanceof Uint8Array)
  )
}
