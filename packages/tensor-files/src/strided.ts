import type { Budget } from './budget.ts'
import { gather } from './npy-types.ts'
import type { TensorData } from './tensor.ts'
import { countElements } from './tensor.ts'

/** Where a tensor lies in a storage, in elements. */
export interface Layout {
  offset: number
  shape: readonly number[]
  stride: readonly number[]
}

const MAX_RANK = 64

/**
 * What is wrong with a layout in a storage of `size` elements: a sentence, or undefined when
 * every element lies inside.
 */
export function layoutProblem({ offset, shape, stride }: Layout, size: number): string | undefined {
  if (shape.length > MAX_RANK) return `it has ${shape.length} dimensions, the limit is ${MAX_RANK}`
  if (shape.length !== stride.length)
    return `its shape has ${shape.length} sizes and ${stride.length} strides`
  const whole = [offset, ...stride].every((each) => Number.isSafeInteger(each) && each >= 0)
  const count = countElements(shape)
  if (!whole || count === undefined)
    return 'its shape, strides or offset are not whole numbers from 0 to 2^53 - 1'
  if (count === 0) return undefined
  const last = shape.reduce((sum, each, d) => sum + (each - 1) * stride[d]!, offset)
  if (last < size) return undefined
  return `its last element is number ${last} of a storage of ${size}`
}

/**
 * The elements of a valid layout in C order: a view where they lie so, otherwise a copy that
 * counts against the budget.
 */
export function readLayout<T extends TensorData>(
  storage: T,
  { offset, shape, stride }: Layout,
  budget: Budget,
): T {
  const count = countElements(shape)!
  if (isContiguous(shape, stride)) return storage.subarray(offset, offset + count) as T
  budget.spend(count * storage.BYTES_PER_ELEMENT)
  return gather(storage, offset, shape, stride)
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let step = 1
  for (let d = shape.length - 1; d >= 0; d--) {
    if (shape[d] === 0) return true
    if (shape[d] !== 1 && stride[d] !== step) return false
    step *= shape[d]!
  }
  return true
}
