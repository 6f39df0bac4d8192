/** A dimension: a number, or a name such as "batch" that is known when the graph runs. */
export type Dim = number | string

/** Sizes of the dimensions of an array: numbers, or names of sizes that are known only when a graph runs. */
export type Shape = readonly Dim[]

/** "[8, 64, batch]" */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/**
 * Number of elements.
 * @throws RangeError if a dimension is only a name.
 */
export function sizeOf(shape: Shape): number {
  return staticShape(shape, 'the size').reduce((product, dim) => product * dim, 1)
}

/**
 * The shape as numbers.
 * @throws RangeError if a dimension is only a name.
 */
export function staticShape(shape: Shape, purpose: string): readonly number[] {
  return shape.map((dim) => {
    if (typeof dim === 'string') {
      throw new RangeError(
        `onnx-grad: ${purpose} needs fixed dimensions, but the shape is ${formatShape(shape)}`,
      )
    }
    return dim
  })
}

/**
 * Shape of two operands joined by NumPy's rule of broadcasting.
 * @throws RangeError if they do not fit.
 */
export function broadcastShapes(a: Shape, b: Shape, operation: string): Shape {
  const rank = Math.max(a.length, b.length)
  const result: Dim[] = []
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      throw new RangeError(
        `onnx-grad: ${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`,
      )
    }
    result.push(x === 1 ? y : x)
  }
  return result
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i])
}

/**
 * Turns a possibly negative axis into one from 0.
 * @throws RangeError if there is no such axis.
 */
export function resolveAxis(axis: number, rank: number, operation: string): number {
  const resolved = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(resolved) || resolved < 0 || resolved >= rank) {
    throw new RangeError(`onnx-grad: ${operation}: axis ${axis} does not exist in ${rank} dimensions`)
  }
  return resolved
}
