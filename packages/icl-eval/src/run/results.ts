import type { Comparison, Part, Summary } from '../summary/types.ts'

/** A cell of the table, in per cent. */
export interface ResultRow {
  readonly selector: string
  readonly shots: number
  readonly accuracy: number | null
  /** 95 % interval, clustered by image. */
  readonly ci: readonly [low: number, high: number] | null
  /** Expected accuracy E, where it was measured. */
  readonly expected?: number | null
  readonly expectedCi?: readonly [low: number, high: number] | null
  readonly n: number
}

/** (x - from) / (oracle - from), in per cent. */
export interface GapResult {
  readonly selector: string
  readonly shots: number
  /** The selector at which the gap begins. */
  readonly from: string
  readonly value: number | null
  readonly ci: readonly [low: number, high: number] | null
}

/** A paired difference to a baseline, in points. */
export interface ComparisonResult {
  readonly selector: string
  readonly shots: number
  readonly baseline: string
  readonly delta: number
  readonly ci: readonly [low: number, high: number]
  readonly p: number
  /** Holm-adjusted over all comparisons. */
  readonly pHolm: number
}

/** A gain over random and its two parts, in points. */
export interface SplitResult {
  readonly selector: string
  readonly shots: number
  readonly gain: PartResult
  readonly independent: PartResult
  readonly chosen: PartResult
}

interface PartResult {
  readonly delta: number
  readonly ci: readonly [low: number, high: number]
}

/** The split gains of a summary; empty where no choices were shuffled over the queries. */
export function splitOf({ split = [] }: Pick<Summary, 'split'>): SplitResult[] {
  const part = ({ delta, ci }: Part): PartResult => ({ delta: percent(delta)!, ci: interval(ci)! })
  return split.map(({ selector, shots, gain, independent, chosen }) => ({
    ...{ selector, shots },
    ...{ gain: part(gain), independent: part(independent), chosen: part(chosen) },
  }))
}

/** The figures of a summary for machines: in per cent and points, with two decimals. */
export function resultsOf({ table, gapClosed }: Pick<Summary, 'table' | 'gapClosed'>): {
  readonly table: ResultRow[]
  readonly gapClosed: GapResult[]
} {
  return {
    table: table.map(({ selector, shots, accuracy, ci, expected, expectedCi = null, n }) => ({
      selector,
      shots,
      accuracy: percent(accuracy),
      ci: interval(ci),
      ...(expected !== undefined && { expected: percent(expected), expectedCi: interval(expectedCi) }),
      n,
    })),
    gapClosed: gapClosed.map(({ selector, shots, from = 'random', value, ci }) => ({
      selector,
      shots,
      from,
      value: percent(value),
      ci: interval(ci),
    })),
  }
}

/** Every difference to a baseline. */
export function comparisonsOf({ table }: Pick<Summary, 'table'>): ComparisonResult[] {
  return table
    .flatMap(({ comparisons }): readonly Comparison[] => comparisons)
    .map(({ selector, shots, baseline, delta, ci, p, pHolm }) => ({
      selector,
      shots,
      baseline,
      delta: percent(delta)!,
      ci: interval(ci)!,
      p,
      pHolm,
    }))
}

function percent(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1e4) / 100
}

function interval(ci: readonly [number, number] | null): readonly [number, number] | null {
  return ci === null ? null : [percent(ci[0])!, percent(ci[1])!]
}
