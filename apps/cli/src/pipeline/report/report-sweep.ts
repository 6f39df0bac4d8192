import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import type { SweepResult } from '@lever/grpo-trainer'
import type { RankingTable } from '@lever/icl-eval'
import { exists, readJson } from '../../files.ts'
import { rankingNotes, rankingTable } from '../sweep/sweep-text.ts'

/**
 * The ranking of a sweep as the report shows it.
 * @throws InputError when the sweep has not come to its end, or an older version wrote its ranking
 */
export async function readRanking(path: string): Promise<RankingTable> {
  const again = 'run lever sweep again, which trains only what is not finished'
  const { RANKING_FILE } = await import('@lever/grpo-trainer')
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
