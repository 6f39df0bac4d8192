import type { MeasuredQuery } from '../offline/measured-queries.ts'

/** Measured rewards of training data, for the report. */
export interface RewardDescription {
  /** What the figures are of: the accuracy, or where answers were not decoded the expected one. */
  readonly measure: 'accuracy' | 'expected accuracy'
  readonly queries: number
  readonly pointers: number
  /** Queries with several pointers that all have one accuracy: they teach nothing. */
  readonly flat: number
  readonly methods: readonly MethodRewards[]
}

/** Accuracies of the pointers of one proposal method. */
export interface MethodRewards {
  /** How the pointers were proposed. */
  readonly method: string
  readonly pointers: number
  readonly mean: number
  /** Share with an accuracy above 0. */
  readonly positive: number
  /** Share per accuracy 0, 0.1, ... 1, rounded to the nearest. */
  readonly bins: readonly number[]
}

/** Distribution of measured accuracies, or expected ones where there is no other, per proposal method, and the share of queries without variance. */
export function describeRewards(queries: readonly MeasuredQuery[]): RewardDescription {
  const decoded = queries.every(({ outcomes }) => outcomes.every((one) => !Number.isNaN(one.accuracy)))
  const valueOf = (one: MeasuredQuery['outcomes'][number]): number =>
    decoded ? one.accuracy : (one.expected ?? NaN)
  const byMethod = new Map<string, number[]>()
  let flat = 0
  for (const { outcomes } of queries) {
    const [first] = outcomes
    const same = outcomes.every((one) => Math.abs(valueOf(one) - valueOf(first!)) < 1e-9)
    if (outcomes.length > 1 && same) flat += 1
    for (const one of outcomes) {
      const accuracy = valueOf(one)
      if (Number.isNaN(accuracy)) continue
      const name = one.method || 'unknown'
      const known = byMethod.get(name)
      if (known === undefined) byMethod.set(name, [accuracy])
      else known.push(accuracy)
    }
  }
  const methods = Array.from(byMethod, ([method, accuracies]): MethodRewards => {
    const pointers = accuracies.length
    const bins = Array.from(
      { length: 11 },
      (_, bin) => accuracies.filter((accuracy) => Math.round(accuracy * 10) === bin).length / pointers,
    )
    return {
      method,
      pointers,
      mean: accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / pointers,
      positive: accuracies.filter((accuracy) => accuracy > 0).length / pointers,
      bins,
    }
  })
  const pointers = methods.reduce((sum, method) => sum + method.pointers, 0)
  return {
    measure: decoded ? 'accuracy' : 'expected accuracy',
    queries: queries.length,
    pointers,
    flat,
    methods,
  }
}
