import { UNREADABLE, isBeams, readBeams } from './beams.ts'
import { normalizeCandidate, type CandidateSigns } from './normalize-candidate.ts'
import type { PointerSpace } from './pointers.ts'
import type { ProblemSink } from './problems.ts'
import { shapesOf, type Shape } from './shapes.ts'
import type { IndexSpace, RlCandidate, RlMeta, RlQuery, RlQuestion } from './types.ts'
import { describe, isIds, isObject, type RawObject } from './values.ts'

/** What holds for all queries of a file while it is read. */
export interface NormalizeContext {
  readonly meta: RlMeta | null
  /** What the user says `pointer` means; wins over the file. */
  readonly indexSpace: IndexSpace | undefined
  /** What `pointer` means where neither the user nor the file says it. */
  readonly defaultSpace?: IndexSpace | undefined
  /** The name of the file says that it is a part of a beam file. */
  readonly part: boolean
  readonly problems: ProblemSink
  /** Number of queries of each shape; added to. */
  readonly shapes: Map<Shape, number>
}

const QUESTION = ['query_id', 'question_id', 'image_id', 'question', 'gt_answers_raw', 'gt_answers_norm']
/**
 * One query of any shape in the canonical form. What cannot be turned is reported to `context.problems`, with candidates
 * numbered as in the file; such candidates are null in `candidates`. null when nothing of the query can be used.
 */
export function normalizeQuery(
  raw: unknown,
  queryId: number,
  context: NormalizeContext,
): { query: RlQuery; candidates: (RlCandidate | null)[] } | null {
  const { problems, meta } = context
  if (!isObject(raw)) {
    problems.error('shape', `the value must be an object, got ${describe(raw)}`, { queryId })
    return null
  }
  const beams = isBeams(raw)
  const rawCandidates = beams ? readBeams(raw, queryId, problems) : raw['pointer_candidates']
  if (!Array.isArray(rawCandidates)) {
    const what =
      rawCandidates === undefined
        ? 'there is neither pointer_candidates nor id_list'
        : 'pointer_candidates is not a list'
    problems.error('shape', `${what}; is this RL data?`, { queryId })
    return null
  }

  const poolField = raw['candidate_pool_ids'] !== undefined ? 'candidate_pool_ids' : 'candidate_pool_indices'
  const pool = readPool(raw[poolField], poolField, queryId, problems)
  if (pool === undefined) return null
  const space: PointerSpace = {
    pool,
    positions: positionsOf(pool ?? []),
    space:
      context.indexSpace ??
      meta?.index_space ??
      context.defaultSpace ??
      (pool && poolField === 'candidate_pool_indices' ? 'local' : undefined),
  }

  const seen: CandidateSigns = {
    local: false,
    global: false,
    transferred: false,
    augmented: false,
    evalMode: false,
    balanced: true,
  }
  const candidateContext = { problems, queryId, space, seen }
  const candidates = rawCandidates.map((rawCandidate: unknown, candidate) =>
    rawCandidate === UNREADABLE ? null : normalizeCandidate(rawCandidate, candidate, candidateContext),
  )
  const question = readQuestion(raw, queryId, problems)
  const shapes = shapesOf({
    beams,
    shots: Array.isArray(raw['beams']) || Array.isArray(raw['shot_scores']),
    part: context.part,
    canonicalMeta: meta?.schema === 'lever-rl',
    hasMeta: meta !== null,
    hasQuestion: isObject(raw['query']),
    flattened: !isObject(raw['query']) && QUESTION.some((field) => raw[field] !== undefined),
    augmented: seen.augmented,
    balanced: seen.balanced && candidates.length > 0,
    hasPool: pool !== null,
    hasEvalMode: seen.evalMode,
    transferred: seen.transferred,
    empty: candidates.length === 0,
    local: seen.local,
    global: seen.global,
  })
  for (const shape of shapes) context.shapes.set(shape, (context.shapes.get(shape) ?? 0) + 1)
  const pointer_candidates = candidates.includes(null)
    ? candidates.filter((candidate) => candidate !== null)
    : (candidates as RlCandidate[])
  return {
    query: { query_id: queryId, query: question, candidate_pool_ids: pool, pointer_candidates },
    candidates,
  }
}

function readQuestion(raw: RawObject, queryId: number, problems: ProblemSink): RlQuestion {
  const nested = raw['query']
  const source: RawObject = isObject(nested) ? nested : raw
  const question: RawObject = {}
  const fields = source === nested ? Object.keys(source) : QUESTION
  for (const field of fields) if (source[field] !== undefined) question[field] = source[field]
  if (question['query_id'] === undefined && source === nested) question['query_id'] = queryId
  if (question['question_id'] === null) delete question['question_id']
  for (const field of ['gt_answers_raw', 'gt_answers_norm']) {
    const answers = question[field]
    if (Array.isArray(answers) && answers.some(isObject)) {
      question[field] = answers.map((answer: unknown) => (isObject(answer) ? answer['answer'] : answer))
    }
  }
  const written = question['query_id']
  if (typeof written === 'string' && written === String(queryId)) question['query_id'] = queryId
  else if (written !== undefined && written !== queryId) {
    problems.error(
      'query-id',
      `query.query_id is ${describe(written)}, but the key of the query is ${queryId}`,
      {
        queryId,
        field: 'query_id',
      },
    )
    delete question['query_id']
  }
  return question
}

function readPool(
  raw: unknown,
  field: string,
  queryId: number,
  problems: ProblemSink,
): readonly number[] | null | undefined {
  if (raw === undefined || raw === null) return null
  if (isIds(raw) && raw.length > 0) return raw
  problems.error(
    'pool',
    `${field} must be a list of ids (integers from 0 to 2^53 - 1), got ${describe(raw)}`,
    {
      queryId,
      field,
    },
  )
  return undefined
}

/** Looks positions up in a map that is made when first asked: most files need none. */
function positionsOf(pool: readonly number[]): () => ReadonlyMap<number, number> {
  let positions: Map<number, number> | undefined
  return () => {
    if (!positions) {
      positions = new Map()
      for (let i = pool.length - 1; i >= 0; i--) positions.set(pool[i]!, i)
    }
    return positions
  }
}
