import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import { ASK_OPTIONS } from '../ask.ts'
import { EVALUATE_OPTIONS, evaluateSelectors, poolOf, type EvaluateOptions } from '../evaluate.ts'
import { measureOracle } from '../oracle.ts'
import type { OracleLevel, OracleOptions, OracleProgress } from '../oracle-types.ts'
import type { StageProgress } from '../progress.ts'
import type { MeasuredPointer } from '../selectors/types.ts'
import { worst } from '../selectors/worst.ts'
import type { EvaluationRow, Example } from '../types.ts'

/** Which bounds are measured, and what is known already. */
export interface BoundsOptions extends Omit<OracleOptions, 'shots' | 'known' | 'onProgress' | 'stopAt'> {
  /** Numbers of demonstrations; 0 has no bounds and is passed over. */
  readonly shots: readonly number[]
  /** Is the oracle wanted? */
  readonly oracle: boolean
  /** Is the worst wanted? Single demonstrations are measured for it until one scores 0. */
  readonly worst: boolean
  /** Rows of other selectors: what they measured counts. */
  readonly known: readonly EvaluationRow[]
  /** How far the measuring is, with `oracle` or `worst` as its stage. */
  readonly onProgress?: ((progress: StageProgress) => void) | undefined
}

export const BOUNDS_OPTIONS: OptionNames<BoundsOptions> = {
  ...ASK_OPTIONS,
  librarySingles: true,
  shots: true,
  oracle: true,
  worst: true,
  known: true,
  queries: true,
  pools: true,
  library: true,
  score: true,
  top: true,
  budget: true,
  name: true,
}

/** The rows of the bounds, and how far the search for the oracle went. */
export interface Bounds {
  readonly rows: readonly EvaluationRow[]
  readonly levels: readonly OracleLevel[]
}

/** The rows of `oracle` and `worst`: the best and the worst of everything that was measured, `known` included. */
export async function measureBounds(options: BoundsOptions): Promise<Bounds> {
  refuseUnknownOptions(options, BOUNDS_OPTIONS, 'icl-eval: measureBounds')
  const { shots, oracle: best, worst: lowest, known, onProgress, ...shared } = options
  const most = Math.max(0, ...shots)
  if (most === 0 || !(best || lowest)) return { rows: [], levels: [] }
  const oracle = await measureOracle({
    ...shared,
    shots: most,
    known,
    onProgress: tellOf('oracle', onProgress),
  })
  onProgress?.({ stage: 'oracle', done: oracle.prompts.prompts, unit: 'sequences', note: '', ended: true })
  const rows = best ? oracle.rows.filter((row) => shots.includes(row.shots)) : []
  const levels = best ? oracle.levels.filter(({ shots: k }) => shots.includes(k)) : []
  const narrow = { ...shared, librarySingles: 0 }
  const lowestRows = lowest ? await worstRows({ ...narrow, shots, known, onProgress }, oracle.measured) : []
  return { rows: [...rows, ...lowestRows], levels }
}

function tellOf(
  stage: StageProgress['stage'],
  onProgress: BoundsOptions['onProgress'],
): (progress: OracleProgress) => void {
  return ({ shots, done, total }) =>
    onProgress?.({
      stage,
      done,
      total,
      unit: 'sequences',
      note: `${shots} ${shots === 1 ? 'shot' : 'shots'}`,
    })
}

/** The worst of every query at every number of shots that was measured for it. */
async function worstRows(
  { shots, known, onProgress, ...shared }: Omit<BoundsOptions, 'oracle' | 'worst'>,
  extended: ReadonlyMap<number, readonly MeasuredPointer[]>,
): Promise<EvaluationRow[]> {
  const singles = await measureOracle({
    ...shared,
    shots: 1,
    known,
    stopAt: 'worst',
    onProgress: tellOf('worst', onProgress),
  })
  onProgress?.({ stage: 'worst', done: singles.prompts.prompts, unit: 'sequences', note: '', ended: true })
  const measured = new Map(
    Array.from(extended, ([id, found]) => [id, [...(singles.measured.get(id) ?? []), ...found]]),
  )
  const { library = [] } = shared
  const pools = new Map(
    shared.queries.map((query) => [
      query.id,
      membersOf(measured.get(query.id)!, [...poolOf(shared.pools, query), ...library]),
    ]),
  )
  const rows: (readonly EvaluationRow[])[] = []
  for (const k of shots.filter((count) => count > 0)) {
    const able = shared.queries.filter(({ id }) => measured.get(id)!.some(({ ids }) => ids.length === k))
    if (able.length === 0) continue
    const selectors = [worst({ measured })]
    rows.push(
      (
        await evaluateSelectors({
          ...pickOptions<Omit<EvaluateOptions, 'selectors' | 'shots'>>(shared, EVALUATE_OPTIONS),
          pools,
          queries: able,
          selectors,
          shots: [k],
        })
      ).rows,
    )
  }
  return rows.flat()
}

/** The examples that occur in measured pointers. */
function membersOf(measured: readonly MeasuredPointer[], examples: readonly Example[]): Example[] {
  const ids = new Set(measured.flatMap((pointer) => pointer.ids))
  const found = new Map(examples.filter(({ id }) => ids.has(id)).map((example) => [example.id, example]))
  return Array.from(found.values())
}
