/** Columns of one bootstrap; asking twice for the same cells gives the same columns. */
export interface ColumnSet {
  readonly columns: readonly Float64Array[]
  /** Columns of these cells over the questions that all of them have. */
  paired(...values: readonly Float64Array[]): number[]
}

/** Collects the columns that a summary needs, so that one bootstrap serves all intervals. */
export function columnSet(): ColumnSet {
  const columns: Float64Array[] = []
  const known = new Map<Float64Array, number>()
  const add = (values: Float64Array): number => {
    const at = known.get(values) ?? columns.push(values) - 1
    known.set(values, at)
    return at
  }
  const paired = (...values: readonly Float64Array[]): number[] => {
    const missing = (i: number): boolean => values.some((column) => Number.isNaN(column[i]!))
    return values.map((column) =>
      column.some((value, i) => !Number.isNaN(value) && missing(i))
        ? add(column.map((value, i) => (missing(i) ? NaN : value)))
        : add(column),
    )
  }
  return { columns, paired }
}
