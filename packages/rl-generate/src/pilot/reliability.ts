import { CORRELATION, jackknife, type Estimate } from './estimate.ts'
import type { PilotGroup } from './outcomes.ts'

/** How far a reward is the same under another wording of the prompt. */
export interface Reliability {
  readonly queries: number
  /** Correlation of the two wordings after each query's means were taken away. */
  readonly correlation: Estimate
  /** Of what the best choice under one wording gains over a blind one, the share that it gains under the other. */
  readonly carried: Estimate
}

/** null where fewer than four queries were measured under both wordings, or without variance. */
export function reliability(pairs: readonly (readonly [PilotGroup, PilotGroup])[]): Reliability | null {
  if (pairs.length < 4) return null
  const moments = pairs.map(([{ values: a }, { values: b }]) => {
    const [x, y] = [meanOf(a), meanOf(b)]
    return [dot(a, a, x, x), dot(b, b, y, y), dot(a, b, x, y)] as const
  })
  const gains = pairs.map(([{ values: a }, { values: b }]) => {
    const [there, here] = [bestOf(a), bestOf(b)]
    return [gain(a, there) + gain(b, here), gain(b, there) + gain(a, here)] as const
  })
  const total = (rows: readonly (readonly number[])[], column: number, without: number): number =>
    rows.reduce((sum, row, i) => (i === without ? sum : sum + row[column]!), 0)
  const correlation = (without: number): number =>
    total(moments, 2, without) / Math.sqrt(total(moments, 0, without) * total(moments, 1, without))
  if (!(total(moments, 0, -1) > 0 && total(moments, 1, -1) > 0)) return null
  return {
    queries: pairs.length,
    correlation: jackknife(pairs.length, correlation, CORRELATION),
    carried: jackknife(pairs.length, (without) => total(gains, 1, without) / total(gains, 0, without)),
  }
}

/**
 * What choosing the best measured choice by `reward` gains in `measure` (accuracy, where there is one) over a blind choice,
 * when it is chosen under one wording and judged under the other, so that luck counts nothing. Mean of both directions.
 */
export function stableGain(
  reward: readonly (readonly [PilotGroup, PilotGroup])[],
  measure: readonly (readonly [PilotGroup, PilotGroup])[],
): Estimate | null {
  const measured = new Map(measure.map((pair) => [pair[0].query, pair]))
  const gains = reward.flatMap(([a, b]) => {
    const judged = measured.get(a.query)
    if (judged === undefined || judged[0].keys.join(' ') !== a.keys.join(' ')) return []
    return [(gain(judged[1].values, bestOf(a.values)) + gain(judged[0].values, bestOf(b.values))) / 2]
  })
  if (gains.length < 4) return null
  return jackknife(gains.length, (without) => {
    const kept = gains.filter((_, i) => i !== without)
    return kept.reduce((sum, one) => sum + one, 0) / kept.length
  })
}

/** Positions of the largest value: all of them where several are equal, among which a choice would be drawn. */
function bestOf(values: Float64Array): number[] {
  const most = values.reduce((a, b) => Math.max(a, b))
  return Array.from(values.keys()).filter((i) => values[i] === most)
}

function gain(values: Float64Array, chosen: readonly number[]): number {
  return chosen.reduce((sum, i) => sum + values[i]!, 0) / chosen.length - meanOf(values)
}

function meanOf(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

function dot(a: Float64Array, b: Float64Array, x: number, y: number): number {
  return a.reduce((sum, value, i) => sum + (value - x) * (b[i]! - y), 0)
}
