/** A small dense array for reference computations, row-major. */
export interface NdArray {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1)
}

/** Coordinates of the element at a position. */
function coordinates(position: number, shape: readonly number[]): number[] {
  const result: number[] = []
  for (let i = shape.length - 1; i >= 0; i--) {
    result.unshift(position % shape[i]!)
    position = Math.floor(position / shape[i]!)
  }
  return result
}

/** An array from a function of the coordinates. */
export function fill(shape: readonly number[], f: (at: number[]) => number): NdArray {
  return { shape, data: Array.from({ length: sizeOf(shape) }, (_, i) => f(coordinates(i, shape))) }
}

/** The element at coordinates; leading ones too many are dropped and axes of length 1 repeat. */
export function at({ shape, data }: NdArray, where: readonly number[]): number {
  const own = where.slice(where.length - shape.length)
  const position = shape.reduce((sum, dim, i) => sum * dim + (dim === 1 ? 0 : own[i]!), 0)
  return data[position]!
}

/** Element by element, with broadcasting. */
export function zip(f: (...values: number[]) => number): (...arrays: NdArray[]) => NdArray {
  return (...arrays) => {
    const rank = Math.max(...arrays.map(({ shape }) => shape.length))
    const shape = Array.from({ length: rank }, (_, i) => {
      const dims = arrays.map((array) => array.shape[array.shape.length - rank + i] ?? 1)
      return dims.find((dim) => dim !== 1) ?? 1
    })
    return fill(shape, (where) => f(...arrays.map((array) => at(array, where))))
  }
}

/** Applies a function to every row along the last axis. */
export function rows(f: (row: number[]) => number[]): (x: NdArray) => NdArray {
  return ({ shape, data }) => {
    const width = shape.at(-1)!
    const result: number[] = []
    for (let i = 0; i < data.length; i += width) result.push(...f(data.slice(i, i + width)))
    return { shape, data: result }
  }
}

/** Reduces axes (all by default) with a function of the values. */
export function reduce(
  f: (values: number[]) => number,
  axes?: readonly number[],
  keepDims = false,
): (x: NdArray) => NdArray {
  return (x) => {
    const gone = (axes ?? x.shape.map((_, i) => i)).map((axis) => (axis < 0 ? axis + x.shape.length : axis))
    const kept = x.shape.map((dim, i) => (gone.includes(i) ? 1 : dim))
    const result = fill(kept, (where) => {
      const values: number[] = []
      fill(x.shape, (from) => {
        if (from.every((c, i) => gone.includes(i) || c === where[i])) values.push(at(x, from))
        return 0
      })
      return f(values)
    })
    return keepDims ? result : { ...result, shape: x.shape.filter((_, i) => !gone.includes(i)) }
  }
}

/** Product over the last two axes, the others broadcast. */
export function multiply(a: NdArray, b: NdArray): NdArray {
  const inner = a.shape.at(-1)!
  const batch = zip(() => 0)(
    { shape: a.shape.slice(0, -2), data: [] },
    { shape: b.shape.slice(0, -2), data: [] },
  ).shape
  return fill([...batch, a.shape.at(-2)!, b.shape.at(-1)!], (where) => {
    const lead = where.slice(0, -2)
    const [row, column] = where.slice(-2) as [number, number]
    let sum = 0
    for (let k = 0; k < inner; k++) sum += at(a, [...lead, row, k]) * at(b, [...lead, k, column])
    return sum
  })
}
