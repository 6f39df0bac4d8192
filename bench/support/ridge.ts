/** Weights of a weighted ridge regression with an unpenalised constant, which comes first: [1 + F]. */
export function ridge(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  { weights, penalty }: { readonly weights: readonly number[]; readonly penalty: number },
): number[] {
  const x = rows.map((row) => [1, ...row])
  const size = x[0]!.length
  const system = Array.from({ length: size }, (_, i) => [
    ...Array.from(
      { length: size },
      (__, j) =>
        x.reduce((sum, row, r) => sum + weights[r]! * row[i]! * row[j]!, 0) +
        (i === j && i > 0 ? penalty : 0),
    ),
    x.reduce((sum, row, r) => sum + weights[r]! * row[i]! * targets[r]!, 0),
  ])
  return solve(system)
}

/** The solution of a positive definite system [n, n + 1] by elimination. */
function solve(system: number[][]): number[] {
  const n = system.length
  for (let i = 0; i < n; i++) {
    for (let row = 0; row < n; row++) {
      if (row === i) continue
      const factor = system[row]![i]! / system[i]![i]!
      for (let j = i; j <= n; j++) system[row]![j]! -= factor * system[i]![j]!
    }
  }
  return system.map((row, i) => row[n]! / row[i]!)
}
