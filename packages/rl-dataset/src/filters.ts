import type { Random } from '@lever/reward-utils'
import { candidateFilter } from './select.ts'
import { accuracyOf, isPositive, pointerIds, type RlCandidate, type RlQuery } from './types.ts'

/** A value of a filter's parameter: a number, or names. */
export type FilterValue = number | readonly string[]

/** Values of the parameters of a filter, by name. */
export type FilterParams = Readonly<Record<string, FilterValue>>

/** Keeps some candidates of a query, or none of the query. */
export interface FilterDefinition {
  /** What it keeps, in words. */
  readonly keeps: string
  /** Parameters and their defaults; the type of the default is the type of the parameter. */
  readonly params: FilterParams
  /** The candidates to keep, in their order; null drops the query. `random` is the stream of this filter and query. */
  readonly apply: (query: RlQuery, params: FilterParams, random: Random) => readonly RlCandidate[] | null
}

/** The names of the filters. */
export const FILTER_NAMES = [
  'usable',
  'official',
  'methods',
  'queries',
  'deduplicate',
  'not_empty',
  'min_candidates',
  'max_candidates',
  'positive',
  'mixed',
  'strict',
  'positive_share',
  'diverse',
  'balanced',
  'top',
] as const

/** A name of {@link FILTERS}. */
export type FilterName = (typeof FILTER_NAMES)[number]

const number = (params: FilterParams, name: string): number => params[name] as number
const names = (params: FilterParams, name: string): ReadonlySet<string> =>
  new Set(params[name] as readonly string[])

/** The filters: a name above and its entry here make a filter. */
export const FILTERS: Readonly<Record<FilterName, FilterDefinition>> = {
  usable: {
    keeps: 'candidates that training uses: no fallback, error, failed or transferred outcome',
    params: {},
    apply: ({ pointer_candidates }) => {
      const reject = candidateFilter()
      return pointer_candidates.filter((candidate) => reject(candidate) === undefined)
    },
  },
  official: {
    keeps: 'candidates scored by the official metric (vqa_eval_mode file)',
    params: {},
    apply: ({ pointer_candidates }) =>
      pointer_candidates.filter(({ vqa_eval_mode }) => vqa_eval_mode === 'file'),
  },
  methods: {
    keeps: 'candidates of these gen_methods',
    params: { names: [] },
    apply: ({ pointer_candidates }, params) => {
      const wanted = names(params, 'names')
      return pointer_candidates.filter(({ gen_method = 'unknown' }) => wanted.has(gen_method))
    },
  },
  queries: {
    keeps: 'queries with these ids',
    params: { ids: [] },
    apply: ({ query_id, pointer_candidates }, params) =>
      names(params, 'ids').has(String(query_id)) ? pointer_candidates : null,
  },
  deduplicate: {
    keeps: 'the first candidate of each pointer; with any_order 1, of each set of demonstrations',
    params: { any_order: 0 },
    apply: ({ pointer_candidates }, params) => {
      const seen = new Set<string>()
      return pointer_candidates.filter((candidate) => {
        const ids = pointerIds(candidate)
        const key = (number(params, 'any_order') > 0 ? [...ids].sort((a, b) => a - b) : ids).join()
        return seen.size !== seen.add(key).size
      })
    },
  },
  not_empty: {
    keeps: 'queries with a candidate',
    params: {},
    apply: ({ pointer_candidates }) => (pointer_candidates.length > 0 ? pointer_candidates : null),
  },
  min_candidates: {
    keeps: 'queries with at least min candidates',
    params: { min: 2 },
    apply: ({ pointer_candidates }, params) =>
      pointer_candidates.length >= number(params, 'min') ? pointer_candidates : null,
  },
  max_candidates: {
    keeps: 'at most max candidates of a query, drawn by the seed',
    params: { max: 24 },
    apply: ({ pointer_candidates }, params, random) =>
      draw(pointer_candidates, number(params, 'max'), random),
  },
  positive: {
    keeps: 'queries with at least min candidates of vqa_correct 1',
    params: { min: 1 },
    apply: ({ pointer_candidates }, params) =>
      pointer_candidates.filter(isPositive).length >= number(params, 'min') ? pointer_candidates : null,
  },
  mixed: {
    keeps: 'queries with right and with wrong candidates',
    params: { min_positive: 1, min_negative: 1 },
    apply: keepByCounts,
  },
  strict: {
    keeps: 'queries with enough right and wrong candidates, and not mostly right ones',
    params: { min_positive: 2, min_negative: 3, max_share: 0.6 },
    apply: keepByCounts,
  },
  positive_share: {
    keeps: 'queries whose share of right candidates is in min..max',
    params: { min: 0, max: 0.45 },
    apply: ({ pointer_candidates }, params) => {
      const share = pointer_candidates.filter(isPositive).length / pointer_candidates.length
      return share >= number(params, 'min') && share <= number(params, 'max') ? pointer_candidates : null
    },
  },
  diverse: {
    keeps: 'queries with at least min different accuracies',
    params: { min: 2 },
    apply: ({ pointer_candidates }, params) =>
      new Set(pointer_candidates.map(accuracyOf)).size >= number(params, 'min') ? pointer_candidates : null,
  },
  balanced: {
    keeps: 'as many candidates of a query as possible, drawn by the seed, with this share of right ones',
    params: { share: 0.5, min_positive: 1, min_negative: 1 },
    apply: balance,
  },
  top: {
    keeps: 'the best positive and the worst negative candidates of a query',
    params: { positive: 8, negative: 4, min_positive: 1 },
    apply: ({ pointer_candidates }, params) => {
      const best = [...pointer_candidates].sort((a, b) => accuracyOf(b) - accuracyOf(a))
      const positive = best.filter(isPositive)
      if (positive.length < number(params, 'min_positive')) return null
      const negative = best.filter((candidate) => !isPositive(candidate)).reverse()
      const kept = new Set([
        ...positive.slice(0, number(params, 'positive')),
        ...negative.slice(0, number(params, 'negative')),
      ])
      return pointer_candidates.filter((candidate) => kept.has(candidate))
    },
  },
}

function keepByCounts({ pointer_candidates }: RlQuery, params: FilterParams): readonly RlCandidate[] | null {
  const positive = pointer_candidates.filter(isPositive).length
  const negative = pointer_candidates.length - positive
  const { max_share = 1 } = params
  const enough = positive >= number(params, 'min_positive') && negative >= number(params, 'min_negative')
  return enough && positive <= (max_share as number) * pointer_candidates.length ? pointer_candidates : null
}

function balance(
  { pointer_candidates }: RlQuery,
  params: FilterParams,
  random: Random,
): readonly RlCandidate[] | null {
  const share = number(params, 'share')
  const positive = pointer_candidates.filter(isPositive)
  const negative = pointer_candidates.filter((candidate) => !isPositive(candidate))
  if (positive.length < number(params, 'min_positive') || negative.length < number(params, 'min_negative'))
    return null
  const size = Math.min(positive.length / share, negative.length / (1 - share))
  const take = (part: readonly RlCandidate[], wanted: number): RlCandidate[] =>
    random.sample(part, Math.min(part.length, Math.max(wanted > 0 ? 1 : 0, Math.round(wanted))))
  const kept = new Set([...take(positive, size * share), ...take(negative, size * (1 - share))])
  return pointer_candidates.filter((candidate) => kept.has(candidate))
}

function draw(candidates: readonly RlCandidate[], count: number, random: Random): readonly RlCandidate[] {
  if (candidates.length <= count) return candidates
  const kept = new Set(random.sample(candidates, count))
  return candidates.filter((candidate) => kept.has(candidate))
}
