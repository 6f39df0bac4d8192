import { writeFileAtomic } from '@lever/durable-files'
import type { RlMeta } from '@lever/rl-dataset'
import { questionOf } from '../measure/ledger-lines.ts'
import type { AnchorBeams } from './types.ts'

/**
 * Beams as the original's JSON, a query a line: `id_list` (each beam is the demonstrations in prompt
 * order and then the query) and `score_list`, with `few_shot_num`, `shot_scores` and `beams` (the steps in the
 * order of choice), and with the question and its pool, so that a label is a position in that pool.
 * `_meta` has an empty `id_list` and `score_list`: the original's loader asks every entry for them.
 */
export function encodeBeams(beams: readonly AnchorBeams[], meta: RlMeta): string {
  const head = {
    ...meta,
    schema: 'lever-beams',
    schema_version: '1.0',
    index_space: 'global',
    id_list: [],
    score_list: [],
  }
  const lines = beams.map(
    (anchor) => `${JSON.stringify(String(anchor.query.id))}:${JSON.stringify(entryOf(anchor))}`,
  )
  return `{"_meta":${JSON.stringify(head)}${lines.map((line) => `,\n${line}`).join('')}}\n`
}

/** Writes {@link encodeBeams}. */
export function writeBeams(path: string, beams: readonly AnchorBeams[], meta: RlMeta): Promise<void> {
  return writeFileAtomic(path, encodeBeams(beams, meta))
}

function entryOf({ query, poolIds, beams }: AnchorBeams): unknown {
  return {
    query: questionOf(query, undefined),
    candidate_pool_ids: poolIds,
    id_list: beams.map(({ ids }) => [...ids, query.id]),
    score_list: beams.map(({ score }) => score),
    few_shot_num: beams[0]?.ids.length ?? 0,
    shot_scores: beams.map(({ steps }) => steps.map(({ score }) => score)),
    beams: beams.map(({ steps }) => ({ shots: steps })),
  }
}
