/**
 * Holm's step-down adjustment of a family of p-values, in the order given: sorted ascending, p_(i) times (m - i),
 * made monotone and capped at 1. NaN entries (no test was possible) stay NaN and do not count into m.
 * Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).filter((i) => !Number.isNaN(pValues[i]!))
  order.sort((a, b) => pValues[a]! - pValues[b]!)
  const adjusted = pValues.map(() => NaN)
  let running = 0
  order.forEach((i, rank) => {
    running = Math.max(running, Math.min(1, pValues[i]! * (order.length - rank)))
    adjusted[i] = running
  })
  return adjusted
}
