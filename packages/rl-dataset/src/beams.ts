import type { ProblemSink } from './problems.ts'
import { describe, type RawObject } from './values.ts'

/** Placeholder for a beam that could not be read and was reported. */
export const UNREADABLE: unique symbol = Symbol('unreadable beam')

/** Method of the candidates made of a beam file. */
export const BEAM_METHOD = 'infoscore_beam'

/** Is this a query of a beam file (shapes L1 to L3)? */
export function isBeams(raw: RawObject): boolean {
  return raw['id_list'] !== undefined && raw['pointer_candidates'] === undefined
}

/**
 * The candidates of a query of a beam file. Each beam of `id_list` is the demonstrations in prompt order and then the query
 * itself, which is checked and dropped. The reward is the InfoScore, in `beam_score`; the scores of the single steps, which
 * stand in the order of choice, become `shots`.
 */
export function readBeams(raw: RawObject, queryId: number, problems: ProblemSink): unknown[] | undefined {
  const lists = raw['id_list']
  const scores = raw['score_list']
  if (!Array.isArray(lists) || !Array.isArray(scores) || lists.length !== scores.length) {
    problems.error('beams', 'id_list and score_list must be lists of the same length', {
      queryId,
      field: 'id_list',
    })
    return []
  }
  const beams: unknown[] = Array.isArray(raw['beams']) ? raw['beams'] : []
  const shotScores: unknown[] = Array.isArray(raw['shot_scores']) ? raw['shot_scores'] : []
  return lists.map((list: unknown, candidate) => {
    if (!Array.isArray(list) || list.at(-1) !== queryId || list.length < 2) {
      problems.error(
        'beams',
        `beam ${candidate} must be the demonstrations and then the query ${queryId}, got ${describe(list)}`,
        { queryId, candidate, field: 'id_list' },
      )
      return UNREADABLE
    }
    const shots = stepsOf(beams[candidate], shotScores[candidate])
    return {
      pointer: list.slice(0, -1) as unknown[],
      gen_method: BEAM_METHOD,
      beam_rank: candidate,
      beam_score: scores[candidate] as unknown,
      ...(shots.length > 0 ? { shots } : {}),
    }
  })
}

function stepsOf(beam: unknown, scores: unknown): RawObject[] {
  const shots = (beam as { shots?: unknown } | undefined)?.shots
  if (Array.isArray(shots)) {
    return shots.map((step: unknown, i) => {
      const { id, score } = (step ?? {}) as RawObject
      return { k: i + 1, ...(id === undefined ? {} : { id }), score }
    })
  }
  return Array.isArray(scores) ? scores.map((score: unknown, i) => ({ k: i + 1, score })) : []
}
