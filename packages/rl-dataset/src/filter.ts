import { InputError } from '@lever/durable-files'
import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { FILTER_NAMES, FILTERS, type FilterName, type FilterParams, type FilterValue } from './filters.ts'
import type { RlData, RlQuery } from './types.ts'

/** One filter with its parameters; those that are absent have their defaults. */
export interface FilterStep {
  readonly name: FilterName
  readonly params?: FilterParams
}

/** The seed of filters that draw, and the time of the history. */
export interface FilterOptions {
  /** Default 0. */
  readonly seed?: number | string
  /** Time for the history, ISO 8601. */
  readonly at?: string
}

export const FILTER_OPTIONS: OptionNames<FilterOptions> = { seed: true, at: true }

/** What filters left. */
export interface FilterSummary {
  readonly queriesBefore: number
  readonly queriesAfter: number
  readonly candidatesBefore: number
  readonly candidatesAfter: number
  /** What each step left out, in order. */
  readonly steps: readonly {
    readonly filter: string
    readonly queries: number
    readonly candidates: number
  }[]
}

/**
 * Applies filters one after the other. What was done stands in `_meta.history`. The same seed keeps the same candidates,
 * whatever other queries there are.
 *
 * @throws InputError for an unknown filter or parameter, or a value of the wrong kind.
 */
export function filterRlData(
  data: RlData,
  steps: readonly FilterStep[],
  options: FilterOptions = {},
): { data: RlData; summary: FilterSummary } {
  refuseUnknownOptions(options, FILTER_OPTIONS, 'rl-dataset: filterRlData')
  const { seed = 0, at } = options
  const resolved = steps.map(resolveStep)
  let queries = data.queries
  const counts: FilterSummary['steps'][number][] = []
  resolved.forEach(({ name, params }, i) => {
    const [before, candidatesBefore] = [queries.length, countCandidates(queries)]
    queries = queries.flatMap((query) => {
      const random = createRandom(seed, 'filter', i, name, query.query_id)
      const kept = FILTERS[name].apply(query, params, random)
      return kept === null
        ? []
        : [kept === query.pointer_candidates ? query : { ...query, pointer_candidates: kept }]
    })
    counts.push({
      filter: formatStep({ name, params }),
      queries: before - queries.length,
      candidates: candidatesBefore - countCandidates(queries),
    })
  })
  const entry = {
    op: 'filter',
    ...(at === undefined ? {} : { at }),
    params: { filters: resolved.map(formatStep), seed },
  }
  return {
    data: { meta: { ...data.meta, history: [...(data.meta?.history ?? []), entry] }, queries },
    summary: {
      queriesBefore: data.queries.length,
      queriesAfter: queries.length,
      candidatesBefore: countCandidates(data.queries),
      candidatesAfter: countCandidates(queries),
      steps: counts,
    },
  }
}

/**
 * A step out of its text, `mixed`, `balanced:share=0.4` or `methods:names=beam+sample`: parameters are separated by commas,
 * names by plus signs.
 *
 * @throws InputError as `filterRlData`.
 */
export function parseFilterStep(text: string): FilterStep {
  const [name, rest] = splitOnce(text, ':')
  const definition = findFilter(name)
  const params: Record<string, FilterValue> = {}
  for (const part of rest.split(',').filter((each) => each !== '')) {
    const [key, value] = splitOnce(part, '=')
    const fallback = Object.hasOwn(definition.params, key) ? definition.params[key] : undefined
    if (fallback === undefined) throw unknownParameter(name as FilterName, key)
    params[key] = typeof fallback === 'number' ? Number(value === '' ? Number.NaN : value) : value.split('+')
  }
  return resolveStep({ name: name as FilterName, params })
}

/** The text of a step, as `parseFilterStep` reads it. */
export function formatStep({ name, params = {} }: FilterStep): string {
  const parts = Object.entries(params).map(
    ([key, value]) => `${key}=${typeof value === 'number' ? value : value.join('+')}`,
  )
  return parts.length === 0 ? name : `${name}:${parts.join(',')}`
}

/** A summary as text for people. */
export function renderFilter(summary: FilterSummary): string {
  const { queriesBefore, queriesAfter, candidatesBefore, candidatesAfter, steps } = summary
  return [
    ...steps.map(
      ({ filter, queries, candidates }) =>
        `${filter}: ${queries} queries and ${candidates} candidates left out`,
    ),
    `kept ${queriesAfter} of ${queriesBefore} queries, ${candidatesAfter} of ${candidatesBefore} candidates`,
  ].join('\n')
}

function resolveStep({ name, params = {} }: FilterStep): Required<FilterStep> {
  const definition = findFilter(name)
  for (const [key, value] of Object.entries(params)) {
    if (!Object.hasOwn(definition.params, key)) throw unknownParameter(name, key)
    const wanted = definition.params[key]
    const fits =
      typeof wanted === 'number'
        ? typeof value === 'number' && Number.isFinite(value) && value >= 0
        : Array.isArray(value)
    if (!fits) {
      const kind = typeof wanted === 'number' ? 'a number that is not negative' : 'a list of names'
      throw new InputError(
        `rl-dataset: ${key} of filter ${name} must be ${kind}, got ${JSON.stringify(value)}`,
      )
    }
  }
  const complete = { ...definition.params, ...params }
  const { share } = complete
  if (typeof share === 'number' && !(share > 0 && share < 1)) {
    throw new InputError(`rl-dataset: share of filter ${name} must be between 0 and 1, got ${share}`)
  }
  return { name, params: complete }
}

function findFilter(name: string): (typeof FILTERS)[FilterName] {
  if (Object.hasOwn(FILTERS, name)) return FILTERS[name as FilterName]
  throw new InputError(`rl-dataset: unknown filter ${name}; the filters are ${FILTER_NAMES.join(', ')}`)
}

function unknownParameter(name: FilterName, key: string): InputError {
  const known = Object.keys(FILTERS[name].params)
  return new InputError(
    `rl-dataset: filter ${name} has no parameter ${key}; it has ${known.length === 0 ? 'none' : known.join(', ')}`,
  )
}

function countCandidates(queries: readonly RlQuery[]): number {
  return queries.reduce((sum, { pointer_candidates }) => sum + pointer_candidates.length, 0)
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
