import { createRandom } from '@lever/reward-utils'
import type { Baseline, Columns, FloorQuery } from './types.ts'

const LAMBDA = 0.5

/** Scores of the candidates of a pool, before any choice [N]: what a mixture adds to the logits. */
export function baselineScores(baseline: Baseline, { query, pool, ids, queryId }: FloorQuery): Float64Array {
  const { kind, effects = {} } = baseline
  if (kind === 'static') return Float64Array.from(ids, (id) => effects[id] ?? 0)
  if (kind === 'random') {
    return Float64Array.from(ids, (id) => createRandom(0, 'baseline', queryId, id).next())
  }
  const columns = columnsOf(baseline, query)
  return Float64Array.from(pool, (row) => cosine(query, row, columns))
}

/**
 * What a baseline chooses: positions in prompt order [K], of the candidates that are not excluded. It puts its first choice
 * last, next to the question.
 */
export function baselineChoice(
  baseline: Baseline,
  asked: FloorQuery,
  shots: number,
  exclude: readonly number[] = [],
): Int32Array {
  const scores = baselineScores(baseline, asked)
  const left = new Set(asked.ids.map((_, n) => n).filter((n) => !exclude.includes(n)))
  const picked: number[] = []
  while (picked.length < shots) {
    const gain = gainAfter(baseline, asked, scores, picked)
    let best = -1
    for (const n of left) if (best < 0 || gain(n) > gain(best)) best = n
    left.delete(best)
    picked.push(best)
  }
  return Int32Array.from(picked.reverse())
}

/** What a baseline thinks of whole pointers (positions in prompt order), so that it ranks them [G]. */
export function baselineRanking(
  baseline: Baseline,
  asked: FloorQuery,
  pointers: readonly ArrayLike<number>[],
): Float64Array {
  const scores = baselineScores(baseline, asked)
  return Float64Array.from(pointers, (pointer) => {
    const chosen: number[] = []
    let sum = 0
    for (const n of Array.from(pointer).reverse()) {
      if (n < 0) continue
      sum += gainAfter(baseline, asked, scores, chosen)(n)
      chosen.push(n)
    }
    return sum
  })
}

/** Scores with mean 0 and deviation 1 over the pool; zeros when all are equal. */
export function standardised(scores: Float64Array): Float64Array {
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length
  const spread = Math.sqrt(scores.reduce((sum, x) => sum + (x - mean) ** 2, 0) / scores.length)
  return scores.map((x) => (spread > 0 ? (x - mean) / spread : 0))
}

/** What one more candidate is worth after some. */
function gainAfter(
  baseline: Baseline,
  { query, pool }: FloorQuery,
  scores: Float64Array,
  chosen: readonly number[],
): (n: number) => number {
  if (baseline.kind !== 'mmr' || chosen.length === 0) return (n) => scores[n]!
  const columns = columnsOf(baseline, query)
  const closest = (n: number): number =>
    chosen.reduce((most, c) => Math.max(most, cosine(pool[n]!, pool[c]!, columns)), -Infinity)
  return (n) => LAMBDA * scores[n]! - (1 - LAMBDA) * closest(n)
}

function columnsOf({ columns }: Baseline, query: Float32Array): Columns {
  return columns ?? [0, query.length]
}

function cosine(a: Float32Array, b: Float32Array, [from, to]: Columns): number {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = from; i < to; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! * a[i]!
    bb += b[i]! * b[i]!
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb)
}
