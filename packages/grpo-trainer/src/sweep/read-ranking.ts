import { join } from 'node:path'
import { exists, InputError, readJson } from '@lever/durable-files'
import type { SweepResult } from './result.ts'
import { RANKING_FILE } from './result.ts'
import { rankingNotes, rankingTable } from './text.ts'

/** A ranking as a table of texts. */
export interface RankingText {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** What a reader must know of it, as sentences. */
  readonly notes: readonly string[]
  /** Columns that are text; the others are figures. */
  readonly text: number
}

/**
 * The ranking of a sweep as the report shows it.
 * @throws InputError if the sweep has not come to its end, or an older version wrote its ranking
 */
export async function readRanking(path: string): Promise<RankingText> {
  const again = 'run lever sweep again, which trains only what is not finished'
  const file = join(path, RANKING_FILE)
  if (!(await exists(file))) {
    throw new InputError(
      `${path} is a sweep without ${RANKING_FILE}: it was interrupted; ${again} (or give single cells, ${join(path, 'cells', '*')})`,
    )
  }
  const result = (await readJson(file)) as Partial<SweepResult>
  if (!Array.isArray(result.rows) || typeof result.queries !== 'number') {
    throw new InputError(`${file} holds no ranking of this version; ${again}`)
  }
  const [header = [], ...rows] = rankingTable(result as SweepResult)
  return {
    header,
    rows,
    notes: rankingNotes(result as SweepResult),
    text: (result as SweepResult).axes.length,
  }
}
