import { candidateFilter, expectedOf, type RlData } from '@lever/rl-dataset'
import { jackknife, type Estimate } from './estimate.ts'

/** What the choices of one proposal method are worth: means over queries. */
export interface MethodMean {
  /** `zero-shot`, or the `gen_method` of the choices. */
  readonly method: string
  readonly queries: number
  readonly accuracy: Estimate | null
  readonly expected: Estimate | null
}

/** Zero-shot, where it was measured beside the choices, then every proposal method by name. */
export function methodMeans({ queries }: RlData): MethodMean[] {
  const reject = candidateFilter()
  const found = new Map<string, Map<number, { accuracy: number[]; expected: number[] }>>()
  const note = (method: string, query: number, outcome: Outcome): void => {
    const byQuery = found.get(method) ?? new Map<number, { accuracy: number[]; expected: number[] }>()
    const lists = byQuery.get(query) ?? { accuracy: [], expected: [] }
    found.set(method, byQuery.set(query, lists))
    const expected = expectedOf(outcome)
    if (typeof outcome.vqa_acc_score === 'number') lists.accuracy.push(outcome.vqa_acc_score)
    if (expected !== undefined) lists.expected.push(expected)
  }
  for (const { query_id, pointer_candidates } of queries) {
    for (const candidate of pointer_candidates.filter((one) => reject(one) === undefined)) {
      note(candidate.gen_method ?? 'unknown', query_id, candidate)
      const bare = candidate.shots?.find(({ k }) => k === 0)
      if (bare !== undefined && found.get('zero-shot')?.has(query_id) !== true) {
        note('zero-shot', query_id, bare)
      }
    }
  }
  return [...found]
    .sort(([a], [b]) => Number(b === 'zero-shot') - Number(a === 'zero-shot') || (a < b ? -1 : 1))
    .map(([method, byQuery]) => ({
      method,
      queries: byQuery.size,
      accuracy: meanOver([...byQuery.values()].map(({ accuracy }) => accuracy)),
      expected: meanOver([...byQuery.values()].map(({ expected }) => expected)),
    }))
}

interface Outcome {
  readonly vqa_acc_score?: number | null
  readonly vqa_gt_prob?: number | null
}

function meanOver(lists: readonly (readonly number[])[]): Estimate | null {
  const means = lists.filter((list) => list.length > 0).map(mean)
  return means.length < 2
    ? null
    : jackknife(means.length, (without) => mean(means.filter((_, i) => i !== without)))
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}
