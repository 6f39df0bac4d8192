import { pickOptions, refuseUnknownOptions } from '@lever/durable-files/known-options'
import { ASK_OPTIONS, createAsker } from './ask.ts'
import type { Asker, AskOptions } from './ask.ts'
import { poolOf } from './evaluate.ts'
import { bestRow, describeLevel, isSettled } from './oracle-levels.ts'
import type { QueryState } from './oracle-levels.ts'
import { bestReachable, proposalsOf } from './oracle-proposals.ts'
import type { MeasuredSequence } from './oracle-proposals.ts'
import { ORACLE_OPTIONS } from './oracle-types.ts'
import type { Oracle, OracleOptions } from './oracle-types.ts'
import type { Answer, EvaluationRow, Example, ExamplePrompt, ScoreFunction } from './types.ts'

const ROUND = 8

/**
 * The best demonstrations that measuring can find. At 1 shot every example of the pool is measured, and of the library
 * where no more than `librarySingles` are left. At k shots
 * the best known sequence: those of `known`, and extensions within the `budget` of the `top` best sequences of k - 1 by one
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
  const { score, top = 4, stopAt } = options
  const limit = limitOf(k, options)
  const queues = states.map((state) => ({
    state,
    level: state.levels.get(k)!,
    left: proposalsOf({ ...state, k, top, limit }),
  }))
  const finished = ({ state, level, left }: (typeof queues)[number]): boolean =>
    left.length === 0 || (level.size > 0 && isSettled(state, k, stopAt))
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
  const { librarySingles = 0, library = [], stopAt } = options
  if (librarySingles === 0 || library.length === 0) return false
  const open = states.filter((state) => !isSettled(state, 1, stopAt))
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
