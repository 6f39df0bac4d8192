import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import type { AskOptions, Asker, AskStats } from './ask.ts'
import { createAsker, ASK_OPTIONS } from './ask.ts'
import type { Pools } from './evaluate.ts'
import { poolOf } from './evaluate.ts'
import { bestReachable, proposalsOf } from './oracle-proposals.ts'
import type { MeasuredSequence } from './oracle-proposals.ts'
import { scoreRow } from './score-row.ts'
import type { Measured } from './selectors/types.ts'
import type { Answer, EvaluationRow, Example, ExamplePrompt, ScoreFunction } from './types.ts'

/** Queries, pools and budget of the search for the oracle. */
export interface OracleOptions extends Omit<AskOptions, 'onProgress'> {
  readonly queries: readonly Example[]
  readonly pools: Pools
  /** Where `known` choices come from that are not in the pool of their query, and single demonstrations to measure. */
  readonly library?: readonly Example[]
  /**
   * Single demonstrations of `library` outside the pools, all queries together, up to which they are all measured at 1
   * shot: the oracle is over the library then. Default 0: the pools alone.
   */
  readonly librarySingles?: number
  /** Largest number of shots. Default 4. */
  readonly shots?: number
  readonly score: ScoreFunction
  /**
   * Rows of other selectors: what they measured counts, so that no selector can be above the oracle. Answers of several
   * prompts or of none measured no sequence.
   */
  readonly known?: readonly EvaluationRow[]
  /** How many of the best shorter sequences are extended. Default 4. */
  readonly top?: number
  /** Further sequences measured per query at 2 shots, and a third of it at each larger number. Default 48. */
  readonly budget?: number
  /**
   * Stop with a query once it reaches the accuracy of its best human answer: nothing can be higher, so the maximum is
   * the same. False measures every single demonstration, as `worst` needs. Default true.
   */
  readonly stopAtBest?: boolean
  /** Default `oracle`. */
  readonly name?: string
  readonly onProgress?: (progress: OracleProgress) => void
}

export const ORACLE_OPTIONS: OptionNames<OracleOptions> = {
  librarySingles: true,
  queries: true,
  pools: true,
  library: true,
  shots: true,
  score: true,
  known: true,
  top: true,
  budget: true,
  stopAtBest: true,
  name: true,
  onProgress: true,
  answer: true,
  journal: true,
  protocol: true,
  batchSize: true,
  concurrency: true,
  strict: true,
  signal: true,
}

/** How far the search for the oracle is. */
export interface OracleProgress {
  readonly shots: number
  /** Sequences measured so far, at all numbers of shots. */
  readonly done: number
  /** Sequences that will be measured, as far as one can tell: at first all, fewer as queries turn out to need no more. */
  readonly total: number
}

/** How the oracle was measured at one number of shots. */
export interface OracleLevel {
  readonly shots: number
  /**
   * `exhaustive`: every ordered sequence of its `scope`, except that a query at the accuracy of its best human answer
   * needs no more. `maximum reached`: not every sequence, but every query is at that accuracy, so nothing is higher.
   * `best known`: the best of those measured; the true oracle may be higher.
   */
  readonly how: 'exhaustive' | 'maximum reached' | 'best known'
  /** What demonstrations were taken from; `pools` where it does not say. Choices of other selectors count wherever they come from. */
  readonly scope?: 'pools' | 'library'
  /** Sequences measured, all queries together. */
  readonly measured: number
  /** Queries at the accuracy of their best human answer. */
  readonly atBest: number
}

/** The best pointers that a search found, and all that it measured. */
export interface Oracle {
  /** One row per query and number of shots, from 1. */
  readonly rows: readonly EvaluationRow[]
  readonly levels: readonly OracleLevel[]
  readonly measured: Measured
  readonly prompts: AskStats
}

const ROUND = 8

interface QueryState {
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

/**
 * The best demonstrations that measuring can find. At 1 shot every example of the pool is measured, and of the library
 * where no more than `librarySingles` are left. At k shots the
 * best known sequence: those of `known`, and extensions within the `budget` of the `top` best sequences of k - 1 by one
 * example, before and after, most promising first. Promising are examples whose answer adds words of the true answer,
 * then those that are good alone (so pairs of good singles, in both orders, come before the rest of the pool).
 * The oracle looks at the answers of the query: it is a bound, not a method.
 */
export async function measureOracle(options: OracleOptions): Promise<Oracle> {
  refuseUnknownOptions(options, ORACLE_OPTIONS, 'icl-eval: measureOracle')
  const { queries, pools, shots = 4, score, known = [], name = 'oracle', onProgress } = options
  const asker = createAsker({
    ...pickOptions<Omit<AskOptions, 'onProgress'>>(options, ASK_OPTIONS),
    onProgress: undefined,
  })
  const states = queries.map((query): QueryState => {
    const pool = poolOf(pools, query)
    return {
      query,
      pool,
      outside: outsideOf(query, pool, options.library ?? []),
      members: new Set(pool.map(({ id }) => id)),
      reachable: bestReachable(query, score),
      levels: new Map(levelsUpTo(shots).map((k) => [k, new Map<string, MeasuredSequence>()])),
    }
  })
  recordKnown(states, known, options.library ?? [])
  let before = 0
  let isWide = false
  for (let k = 1; k <= shots; k++) {
    const later = levelsUpTo(shots)
      .slice(k)
      .reduce((sum, level) => sum + limitOf(level, options), 0)
    before += await measureLevel(states, k, asker, options, ({ done, left, allowed }) => {
      const share = allowed === 0 ? 1 : (done + left) / allowed
      const expected = done + left + Math.round(share * later * states.length)
      onProgress?.({ shots: k, done: before + done, total: before + expected })
    })
    if (k > 1) continue
    isWide = isAffordable(states, options)
    if (isWide) before += await measureOutside(states, asker, options)
  }
  const sequences = (state: QueryState): MeasuredSequence[] =>
    Array.from(state.levels.values()).flatMap((level) => Array.from(level.values()))
  return {
    rows: levelsUpTo(shots).flatMap((k) => states.map((state) => bestRow(state, k, name, score))),
    levels: levelsUpTo(shots).map((k) => describeLevel(states, k, k === 1 && isWide ? 'library' : 'pools')),
    measured: new Map(
      states.map((state) => [
        state.query.id,
        sequences(state).map(({ examples, accuracy }) => ({ ids: examples.map(({ id }) => id), accuracy })),
      ]),
    ),
    prompts: asker.stats(),
  }
}

const levelsUpTo = (shots: number): number[] => Array.from({ length: shots }, (_, i) => i + 1)
const keyOf = (examples: readonly Example[]): string => examples.map(({ id }) => id).join(',')

function recordKnown(
  states: readonly QueryState[],
  rows: readonly EvaluationRow[],
  library: readonly Example[],
): void {
  const byQuery = new Map(states.map((state) => [state.query.id, state]))
  const byId = new Map([...states.flatMap(({ pool }) => pool), ...library].map((one) => [one.id, one]))
  for (const row of rows) {
    const state = byQuery.get(row.query)
    const level = state?.levels.get(row.demonstrations.length)
    if (state === undefined || level === undefined || row.accuracy === null) continue
    if (row.prompts !== undefined) continue
    const examples = row.demonstrations.map((id) => byId.get(id))
    if (examples.includes(undefined)) continue
    const sequence = { examples: examples as Example[], accuracy: row.accuracy, text: row.answer }
    level.set(keyOf(sequence.examples), sequence)
  }
}

/** Sequences measured per query at one number of shots. */
function limitOf(k: number, { budget = 48 }: Pick<OracleOptions, 'budget'>): number {
  return k === 1 ? Infinity : k === 2 ? budget : Math.ceil(budget / 3)
}

interface LevelProgress {
  readonly done: number
  /** Still to be measured, if no query is finished before. */
  readonly left: number
  /** What would be measured if no query were finished before its last sequence. */
  readonly allowed: number
}

/** Measures the sequences of one length; gives their number. */
async function measureLevel(
  states: readonly QueryState[],
  k: number,
  asker: Asker,
  options: OracleOptions,
  report: (progress: LevelProgress) => void,
): Promise<number> {
  const { score, top = 4, stopAtBest = true } = options
  const limit = limitOf(k, options)
  const queues = states.map((state) => ({
    state,
    level: state.levels.get(k)!,
    left: proposalsOf({ ...state, k, top, limit }),
  }))
  const finished = ({ state, level, left }: (typeof queues)[number]): boolean =>
    left.length === 0 || (stopAtBest && level.size > 0 && isAtBest(state, k))
  const allowed = queues.reduce((sum, { left }) => sum + left.length, 0)
  let open = queues.filter((queue) => !finished(queue))
  let done = 0
  const tell = (): void =>
    report({ done, left: open.reduce((sum, { left }) => sum + left.length, 0), allowed })
  tell()
  while (open.length > 0) {
    const round = open.flatMap(({ state, level, left }) =>
      left.splice(0, ROUND).map((examples) => ({ state, level, examples })),
    )
    const prompts = round.map(({ state, examples }): ExamplePrompt => ({
      query: state.query,
      demonstrations: examples,
    }))
    const answers = await asker.ask(prompts)
    round.forEach(({ state, level, examples }, i) => record(level, state.query, examples, answers[i]!, score))
    done += round.length
    open = open.filter((queue) => !finished(queue))
    tell()
  }
  return done
}

/** Examples of the library that are not in the pool, and neither the query nor about its image. */
function outsideOf(query: Example, pool: readonly Example[], library: readonly Example[]): Example[] {
  const members = new Set(pool.map(({ id }) => id))
  const isOwn = ({ id, imageId }: Example): boolean =>
    id === query.id || (imageId !== null && String(imageId) === String(query.imageId))
  return library.filter((example) => !members.has(example.id) && !isOwn(example))
}

/** Are few enough single demonstrations of the library left? */
function isAffordable(states: readonly QueryState[], options: OracleOptions): boolean {
  const { librarySingles = 0, library = [], stopAtBest = true } = options
  if (librarySingles === 0 || library.length === 0) return false
  const open = states.filter((state) => !(stopAtBest && isAtBest(state, 1)))
  return open.reduce((sum, { outside }) => sum + outside.length, 0) <= librarySingles
}

/** Measures the single demonstrations of the library outside the pools; gives their number. */
async function measureOutside(
  states: readonly QueryState[],
  asker: Asker,
  options: OracleOptions,
): Promise<number> {
  const wide = states.map((state) => ({ ...state, pool: state.outside }))
  return measureLevel(wide, 1, asker, options, () => undefined)
}

function record(
  level: Map<string, MeasuredSequence>,
  query: Example,
  examples: readonly Example[],
  { text, error }: Answer,
  score: ScoreFunction,
): void {
  if (error !== undefined) return
  level.set(keyOf(examples), { examples, accuracy: score(text, query).accuracy, text })
}

function best(state: QueryState, k: number): MeasuredSequence | undefined {
  const sequences = Array.from(state.levels.get(k)!.values())
  return sequences.reduce<MeasuredSequence | undefined>(
    (a, b) => (a === undefined || b.accuracy > a.accuracy ? b : a),
    undefined,
  )
}

const isAtBest = (state: QueryState, k: number): boolean =>
  (best(state, k)?.accuracy ?? -Infinity) >= state.reachable - 1e-9

function bestRow(state: QueryState, k: number, selector: string, score: ScoreFunction): EvaluationRow {
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

function describeLevel(
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
