import { createRandom } from '@lever/reward-utils'
import type { Random } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { EmbeddingLookup } from '../embeddings.ts'
import { librarySearch, neighboursOf } from '../library-search.ts'
import type { LibrarySearch } from '../library-search.ts'
import { contextFor, selectAll } from '../selectors/check.ts'
import type { SelectionContext, Selector } from '../selectors/types.ts'
import { scoreRow } from '../score-row.ts'
import { voteOf } from '../selectors/vote.ts'
import type { EvaluationRow, Example, ScoreFunction } from '../types.ts'
import type { MeasuredOutcome, MeasuredQuery } from './measured-queries.ts'

/** An evaluation on measured rewards alone. */
export interface EvaluateMeasuredOptions {
  /** Queries with their pools and the pointers that were measured for them. */
  readonly queries: readonly MeasuredQuery[]
  /** What chooses; a choice that was not measured counts nowhere, and the coverage says how many were. */
  readonly selectors: readonly Selector[]
  /** Default: every length that was measured, and 0. */
  readonly shots?: readonly number[]
  /** Numbers of one-shot answers that vote, which need measured singles only. Default `shots`. */
  readonly voteShots?: readonly number[]
  /** Default 0, 1, 2, 3, 4. */
  readonly seeds?: readonly number[]
  /** Rows of queries and candidates, for selectors that need them (`lookUpEmbeddings`). */
  readonly embeddings?: EmbeddingLookup
  /**
   * What selectors of the whole library choose from, but `random`, which takes the draws of the measured pools; needs a
   * row of `embeddings` for every example. Without it all choose from the pool that was measured for the query.
   */
  readonly library?: readonly Example[] | undefined
  /** For selectors that answer without a model, or vote; without it they are not covered. */
  readonly score?: ScoreFunction
  /** `ordered`: the very pointer was measured. `set`: the same examples in any order will do. Default `ordered`. */
  readonly match?: 'ordered' | 'set'
}

export const EVALUATE_MEASURED_OPTIONS: OptionNames<EvaluateMeasuredOptions> = {
  library: true,
  queries: true,
  selectors: true,
  shots: true,
  voteShots: true,
  seeds: true,
  embeddings: true,
  score: true,
  match: true,
}

/** How many choices of a selector had been measured. */
export interface Coverage {
  readonly selector: string
  readonly shots: number
  readonly choices: number
  readonly measured: number
}

/** Rows on measured rewards, and how much was measured. */
export interface MeasuredEvaluation {
  readonly rows: readonly EvaluationRow[]
  readonly coverage: readonly Coverage[]
}

/**
 * Evaluates selectors on measured rewards alone. A choice that was measured gets the measured accuracy; one that was
 * not gives no row and lowers the coverage. Figures of a low coverage are about the questions where the selector
 * chose as the proposals did, which are not a random sample: compare selectors on what both cover, as `summarize` does.
 *
 * `random` is the exception: when the data has pointers proposed by the method `random`, each is one draw, so its
 * mean is unbiased and its coverage complete.
 */
export async function evaluateMeasured(options: EvaluateMeasuredOptions): Promise<MeasuredEvaluation> {
  refuseUnknownOptions(options, EVALUATE_MEASURED_OPTIONS, 'icl-eval: evaluateMeasured')
  const { queries, selectors, shots = measuredShots(queries) } = options
  const tables = new Map(queries.map((entry) => [entry, lookup(entry, options.match ?? 'ordered')]))
  const { library, embeddings } = options
  const asked = queries.map(({ query }) => query)
  const search = library && librarySearch({ queries: asked, library, embeddings })
  const rows: (readonly EvaluationRow[])[] = []
  const coverage: Coverage[] = []
  for (const selector of selectors) {
    const { voteShots = shots } = options
    const counts = selector.votes === true ? voteShots : shots
    for (const k of selector.shots === 'zero' ? [0] : counts.filter((count) => count > 0)) {
      const draws = selector.name === 'random' ? randomDraws(queries, k) : []
      const found =
        draws.length > 0
          ? { rows: draws, choices: draws.length }
          : await covered(selector, k, options, { tables, search })
      rows.push(found.rows)
      coverage.push({
        selector: selector.name,
        shots: k,
        choices: found.choices,
        measured: found.rows.length,
      })
    }
  }
  return { rows: rows.flat(), coverage }
}

/** The mean accuracy of each proposal method as a selector of its own, named `method:<name>`, at one demonstration and more. */
export function methodRows(queries: readonly MeasuredQuery[]): EvaluationRow[] {
  return queries.flatMap((entry) =>
    entry.outcomes
      .filter(({ ids }) => ids.length > 0)
      .map((outcome, i) => outcomeRow(entry, outcome, `method:${outcome.method || 'unknown'}`, i)),
  )
}

type Lookup = (ids: readonly number[]) => MeasuredOutcome | undefined

function lookup({ outcomes }: MeasuredQuery, match: 'ordered' | 'set'): Lookup {
  const keyOf = (ids: readonly number[]): string =>
    (match === 'ordered' ? ids : ids.toSorted((a, b) => a - b)).join(',')
  const known = new Map<string, MeasuredOutcome>()
  for (const outcome of outcomes) {
    const key = keyOf(outcome.ids)
    if (!known.has(key)) known.set(key, outcome)
  }
  return (ids) => known.get(keyOf(ids))
}

function measuredShots(queries: readonly MeasuredQuery[]): number[] {
  const lengths = new Set(queries.flatMap(({ outcomes }) => outcomes.map(({ ids }) => ids.length)))
  return Array.from(lengths).sort((a, b) => a - b)
}

function randomDraws(queries: readonly MeasuredQuery[], k: number): EvaluationRow[] {
  return queries.flatMap((entry) =>
    entry.outcomes
      .filter(({ method, ids }) => method === 'random' && ids.length === k)
      .map((outcome, draw) => outcomeRow(entry, outcome, 'random', draw)),
  )
}

/** Does a selector choose from the whole library here, where most of what it chooses may be unmeasured? */
export function choosesWidely({ name, scope }: Selector): boolean {
  return scope === 'library' && name !== 'random'
}

interface Prepared {
  readonly tables: ReadonlyMap<MeasuredQuery, Lookup>
  readonly search: LibrarySearch | undefined
}

async function covered(
  selector: Selector,
  k: number,
  { queries, seeds = [0, 1, 2, 3, 4], embeddings, score }: EvaluateMeasuredOptions,
  { tables, search }: Prepared,
): Promise<{ rows: EvaluationRow[]; choices: number }> {
  const bounded = selector.name === 'oracle' || selector.name === 'worst'
  const wide = choosesWidely(selector) ? search : undefined
  const able = queries.filter((entry) => {
    const others = (selector.pool ?? entry.pool).filter((example) => example.id !== entry.query.id)
    return others.length >= k && (!bounded || entry.outcomes.some(({ ids }) => ids.length === k))
  })
  const nearest = wide && (await neighboursOf(selector, wide))
  const rows: EvaluationRow[] = []
  const runs = selector.seeded ? seeds : [null]
  for (const seed of runs) {
    const contexts = able.map(({ query, pool: own }): SelectionContext => {
      const pool = wide?.library ?? own
      const stream = [seed ?? 0, 'select', selector.stream ?? selector.name] as const
      const random = createRandom(...stream, query.id)
      const shared = (): Random => createRandom(...stream)
      const rows = embeddings?.(query, pool) ?? {}
      const found = wide && { excluded: wide.excluded(query), nearest: nearest!(query) }
      return contextFor(selector, { query, pool, random, shared, embeddings: rows, ...found })
    })
    const chosen = await selectAll(selector, contexts, k)
    able.forEach((entry, i) => {
      if (selector.answer ?? selector.votes) {
        if (score === undefined) return
        if (selector.answer && contexts[i]!.pool.every(({ answer }) => answer === '')) return
        const members = new Map(contexts[i]!.pool.map((example) => [example.id, example]))
        const demonstrations = chosen[i]!.map((id) => members.get(id)!)
        const shown = selector.votes === true ? chosen[i]!.map((id) => tables.get(entry)!([id])) : []
        if (shown.includes(undefined)) return
        const subject = { selector: selector.name, shots: k, seed, query: entry.query, demonstrations }
        const answer = selector.answer
          ? { text: selector.answer(contexts[i]!, k) }
          : voteOf(shown.map((one) => ({ text: one!.answer })))
        rows.push(scoreRow({ ...subject, prompts: shown.length }, answer, score))
        return
      }
      const outcome = tables.get(entry)!(chosen[i]!)
      if (outcome !== undefined) rows.push(outcomeRow(entry, outcome, selector.name, seed))
    })
  }
  return { rows, choices: queries.length * runs.length }
}

function outcomeRow(
  { query }: MeasuredQuery,
  { ids, accuracy, expected, answer, mode }: MeasuredOutcome,
  selector: string,
  seed: number | null,
): EvaluationRow {
  return {
    query: query.id,
    image: query.imageId ?? null,
    selector,
    shots: ids.length,
    seed,
    demonstrations: ids,
    answer,
    accuracy,
    mode,
    ...(expected !== undefined && { expected }),
    ...(query.questionType !== undefined && { questionType: query.questionType }),
    ...(query.answerType !== undefined && { answerType: query.answerType }),
  }
}
