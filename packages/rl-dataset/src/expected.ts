import { pickOptions } from '@lever/durable-files/known-options'
import { largest, meanOf, sampleStd } from './counting.ts'
import { candidateFilter, type SelectOptions, SELECT_OPTIONS } from './select.ts'
import { expectedOf, type RlCandidate, type RlMeta, type RlQuery } from './types.ts'

/** Expected accuracies E (`vqa_gt_prob`) of the candidates that training would use. */
export interface ExpectedDescription {
  /** Candidates with an expected accuracy, and those without. */
  readonly candidates: number
  readonly without: number
  /** Mean over the queries of the mean, and of the largest. */
  readonly mean: number
  readonly best: number
  /** Quartiles over all candidates. */
  readonly quartiles: readonly [low: number, median: number, high: number]
  /** Mean over the queries of the standard deviation within a query. */
  readonly within: number
  /** Standard deviation of the queries' means. */
  readonly between: number
  /** Queries with at least two expected accuracies; of these, where all are equal, and where all accuracies are. */
  readonly groups: number
  readonly flat: number
  /** null where not every one of these candidates has an accuracy. */
  readonly accuracyFlat: number | null
  /** Correlation with the accuracy after the query's means were taken away; null as above, or without variance. */
  readonly correlation: number | null
  /** At most so many human answers were scored (`_meta.generator.max_answers`), and the humans left out; null for all. */
  readonly bounded: LeftOut | null
}

/** What a bound on the scored human answers leaves out, as shares of the humans. */
export interface LeftOut {
  readonly maxAnswers: number
  /** Queries with an answer left out. */
  readonly queries: number
  /** Mean over all queries, and the largest. */
  readonly mean: number
  readonly most: number
}

/** null where no candidate has an expected accuracy. */
export function describeExpected(
  queries: readonly RlQuery[],
  meta: RlMeta | null,
  options: SelectOptions = {},
): ExpectedDescription | null {
  const reject = candidateFilter(pickOptions(options, SELECT_OPTIONS))
  const used = queries.map(({ pointer_candidates }) =>
    pointer_candidates.filter((candidate) => reject(candidate) === undefined),
  )
  const groups = used.map(withExpected).filter((group) => group.length > 0)
  const all = groups.flatMap((group) => group.map(({ expected }) => expected)).sort((a, b) => a - b)
  if (all.length === 0) return null
  const several = groups.filter((group) => group.length > 1)
  const means = groups.map((group) => meanOf(group.map(({ expected }) => expected))!)
  const decoded = several.every((group) => group.every(({ accuracy }) => accuracy !== null))
  return {
    candidates: all.length,
    without: used.reduce((sum, { length }) => sum + length, 0) - all.length,
    mean: meanOf(means)!,
    best: meanOf(groups.map((group) => largest(group.map(({ expected }) => expected))))!,
    quartiles: [quantile(all, 0.25), quantile(all, 0.5), quantile(all, 0.75)],
    within: meanOf(several.map((group) => sampleStd(valuesOf(group, 'expected')))) ?? 0,
    between: sampleStd(Float64Array.from(means)),
    groups: several.length,
    flat: several.filter((group) => isFlat(valuesOf(group, 'expected'))).length,
    accuracyFlat: decoded ? several.filter((group) => isFlat(valuesOf(group, 'accuracy'))).length : null,
    correlation: decoded ? withinCorrelation(several) : null,
    bounded: leftOutOf(queries, meta),
  }
}

interface Measured {
  readonly expected: number
  readonly accuracy: number | null
}

function withExpected(candidates: readonly RlCandidate[]): Measured[] {
  return candidates.flatMap((candidate) => {
    const expected = expectedOf(candidate)
    const { vqa_acc_score: accuracy = null } = candidate
    return expected === undefined ? [] : [{ expected, accuracy }]
  })
}

function valuesOf(group: readonly Measured[], field: keyof Measured): Float64Array {
  return Float64Array.from(group, (one) => one[field] ?? 0)
}

function isFlat(values: Float64Array): boolean {
  return values.every((value) => value === values[0])
}

function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return low + (place - Math.floor(place)) * (high - low)
}

function withinCorrelation(groups: readonly (readonly Measured[])[]): number | null {
  let [xx, yy, xy] = [0, 0, 0]
  for (const group of groups) {
    const [xs, ys] = [valuesOf(group, 'expected'), valuesOf(group, 'accuracy')]
    const [x, y] = [meanOf([...xs])!, meanOf([...ys])!]
    for (let i = 0; i < xs.length; i++) {
      xx += (xs[i]! - x) ** 2
      yy += (ys[i]! - y) ** 2
      xy += (xs[i]! - x) * (ys[i]! - y)
    }
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : null
}

function leftOutOf(queries: readonly RlQuery[], meta: RlMeta | null): LeftOut | null {
  const maxAnswers = meta?.generator?.['max_answers']
  if (typeof maxAnswers !== 'number') return null
  const shares = queries.map(({ query }) => shareLeftOut(query.gt_answers_raw ?? [], maxAnswers))
  return {
    maxAnswers,
    queries: shares.filter((share) => share > 0).length,
    mean: meanOf(shares) ?? 0,
    most: Math.max(0, largest(shares)),
  }
}

/** Share of the humans whose answer is not among the `most` most frequent ones. */
function shareLeftOut(answers: readonly string[], most: number): number {
  const counts = new Map<string, number>()
  for (const answer of answers.map((one) => one.trim()).filter((one) => one !== '')) {
    counts.set(answer, (counts.get(answer) ?? 0) + 1)
  }
  const sorted = [...counts.values()].sort((a, b) => b - a)
  const total = sorted.reduce((sum, count) => sum + count, 0)
  return total === 0 ? 0 : sorted.slice(most).reduce((sum, count) => sum + count, 0) / total
}
