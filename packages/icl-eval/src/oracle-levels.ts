import type { MeasuredSequence } from './oracle-proposals.ts'
import type { OracleLevel, OracleOptions } from './oracle-types.ts'
import { scoreRow } from './score-row.ts'
import type { EvaluationRow, Example, ScoreFunction } from './types.ts'

/** A query, and what was measured for it. */
export interface QueryState {
  readonly query: Example
  readonly pool: readonly Example[]
  /** What it may be shown of the library besides, until all of that was measured. */
  readonly outside: readonly Example[]
  /** Ids of the pool. */
  readonly members: ReadonlySet<number>
  readonly reachable: number
  /** By number of shots, then by ids joined with commas. */
  readonly levels: Map<number, Map<string, MeasuredSequence>>
}

function best(state: QueryState, k: number): MeasuredSequence | undefined {
  const sequences = Array.from(state.levels.get(k)!.values())
  return sequences.reduce<MeasuredSequence | undefined>(
    (a, b) => (a === undefined || b.accuracy > a.accuracy ? b : a),
    undefined,
  )
}

/** Is a query at the accuracy of its best human answer? */
export const isAtBest = (state: QueryState, k: number): boolean =>
  (best(state, k)?.accuracy ?? -Infinity) >= state.reachable - 1e-9

/** Can no further sequence of k change the extreme that `stopAt` looks for? */
export function isSettled(state: QueryState, k: number, stopAt: OracleOptions['stopAt'] = 'best'): boolean {
  if (stopAt === 'best') return isAtBest(state, k)
  return stopAt === 'worst' && Array.from(state.levels.get(k)!.values()).some(({ accuracy }) => accuracy <= 0)
}

/** The row of the best sequence that was measured. */
export function bestRow(state: QueryState, k: number, selector: string, score: ScoreFunction): EvaluationRow {
  const chosen = best(state, k)
  const subject = {
    selector,
    shots: k,
    seed: null,
    query: state.query,
    demonstrations: chosen?.examples ?? [],
  }
  const answered =
    chosen === undefined
      ? { text: '', error: `no sequence of ${k} could be measured` }
      : { text: chosen.text }
  return scoreRow(subject, answered, score)
}

/** How far the search went at one number of shots. */
export function describeLevel(
  states: readonly QueryState[],
  k: number,
  scope: NonNullable<OracleLevel['scope']>,
): OracleLevel {
  const atBest = states.filter((state) => isAtBest(state, k)).length
  const isExhausted = (state: QueryState): boolean => {
    const inPool = Array.from(state.levels.get(k)!.values()).filter(({ examples }) =>
      examples.every(({ id }) => scope === 'library' || state.members.has(id)),
    )
    return inPool.length >= orderedSequences(state, k, scope)
  }
  const all = states.every(isExhausted)
  const settled = states.every((state) => isAtBest(state, k) || isExhausted(state))
  return {
    shots: k,
    how: all || (settled && k === 1) ? 'exhaustive' : settled ? 'maximum reached' : 'best known',
    scope,
    measured: states.reduce((sum, state) => sum + state.levels.get(k)!.size, 0),
    atBest,
  }
}

/** N (N - 1) ... (N - k + 1) for the N candidates of the query. */
function orderedSequences(
  { pool, query, outside }: QueryState,
  k: number,
  scope: OracleLevel['scope'],
): number {
  const own = pool.filter((example) => example.id !== query.id).length
  const candidates = own + (scope === 'library' ? outside.length : 0)
  return Array.from({ length: k }, (_, i) => candidates - i).reduce((product, n) => product * n, 1)
}
