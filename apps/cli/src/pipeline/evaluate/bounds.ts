import type { EvaluationRow, OracleLevel, OracleOptions } from '@lever/icl-eval'
import type { Progress } from '../../progress.ts'

export interface BoundsOptions {
  readonly shots: readonly number[]
  /** Is the oracle asked for, or the worst? */
  readonly oracle: boolean
  readonly worst: boolean
  /** Sequences measured per question at 2 shots and more. */
  readonly oracleBudget: number | undefined
  readonly progress: Progress
}

/** The rows of `oracle` and `worst`: the best and the worst of what was measured, by these and by `known`. */
export async function measureBounds(
  { shots, oracle: best, worst: lowest, oracleBudget, progress }: BoundsOptions,
  shared: Omit<OracleOptions, 'shots' | 'known' | 'onProgress'>,
  known: readonly EvaluationRow[],
): Promise<{ readonly rows: readonly EvaluationRow[]; readonly levels: readonly OracleLevel[] }> {
  const { evaluateSelectors, measureOracle, worst } = await import('@lever/icl-eval')
  const { queries } = shared
  const most = Math.max(...shots)
  if (most === 0 || !(best || lowest)) return { rows: [], levels: [] }
  const total = (most + (lowest ? 1 : 0)) * queries.length
  const measuring = progress.stage('oracle', { total, unit: 'questions' })
  const oracle = await measureOracle({
    ...shared,
    shots: most,
    known,
    ...(oracleBudget !== undefined && { budget: oracleBudget }),
    onProgress: ({ shots: k, done }) =>
      measuring.update((k - 1) * queries.length + done, `${k} ${k === 1 ? 'shot' : 'shots'}`),
  })
  const rows = best ? oracle.rows.filter((row) => shots.includes(row.shots)) : []
  const levels = best ? oracle.levels.filter(({ shots: k }) => shots.includes(k)) : []
  if (lowest) {
    const singles = await measureOracle({
      ...shared,
      shots: 1,
      known,
      stopAtBest: false,
      onProgress: ({ done }) => measuring.update(most * queries.length + done, 'worst'),
    })
    const measured = new Map(
      Array.from(oracle.measured, ([id, found]) => [id, [...(singles.measured.get(id) ?? []), ...found]]),
    )
    for (const k of shots.filter((count) => count > 0)) {
      const able = queries.filter(({ id }) => measured.get(id)!.some(({ ids }) => ids.length === k))
      if (able.length === 0) continue
      const found = await evaluateSelectors({
        ...shared,
        queries: able,
        selectors: [worst({ measured })],
        shots: [k],
      })
      rows.push(...found.rows)
    }
  }
  measuring.end('')
  return { rows, levels }
}
