import { checkSchema, validators } from './check-schema.ts'
import { nearest } from '@lever/durable-files/known-options'
import { outsidePool } from './pointers.ts'
import type { ProblemPlace, ProblemSink } from './problems.ts'
import { CANDIDATE_FIELDS, QUESTION_FIELDS } from './schema.ts'
import { firstPlaces, firstRepeated } from './repeats.ts'
import { pointerIds, type RlCandidate, type RlMeta, type RlQuery } from './types.ts'

/** What the checks of one query need to know of the file. */
export interface CheckContext {
  readonly problems: ProblemSink
  readonly meta: RlMeta | null
  /** K of the file: of the user, of `_meta`, or of the first pointer seen. */
  shots: number | undefined
}

const KNOWN_CANDIDATE = new Set(CANDIDATE_FIELDS)
const KNOWN_QUESTION = new Set(QUESTION_FIELDS)
/** Official scores with ten answers. */
const OFFICIAL = [0, 0.3, 0.6, 0.9, 1]

/**
 * Checks one query in the canonical form: the schema, the strict pointer map (length, distinct, not the query itself, inside
 * the pool, `pool[pointer] = pointer_global`), and what is merely suspicious. `candidates` are numbered as in the file; null
 * ones were reported before.
 */
export function checkQuery(
  query: RlQuery,
  context: CheckContext,
  candidates: readonly (RlCandidate | null)[] = query.pointer_candidates,
): void {
  const { problems } = context
  const queryId = query.query_id
  checkSchema(validators().question, query.query, problems, { queryId }, 'query')
  reportUnknown(query.query, KNOWN_QUESTION, problems, { queryId })
  checkPool(query, context)
  if (candidates.length === 0)
    problems.warn('empty', 'there is no candidate; training skips the query', { queryId })

  const tenAnswers = query.query.gt_answers_raw?.length === 10
  const validate = validators().candidate
  const firstOf = firstPlaces(query.candidate_pool_ids)
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]
    if (!candidate) continue
    const place = { queryId, candidate: i }
    if (!checkSchema(validate, candidate, problems, place, 'the candidate')) continue
    reportUnknown(candidate, KNOWN_CANDIDATE, problems, place)
    checkPointer(candidate, query, context, place)
    checkScores(candidate, tenAnswers, problems, place)
    const first = firstOf(candidate.pointer, i)
    if (first < i) reportRepeat(candidate, first, problems, place)
  }
}

function reportRepeat(
  candidate: RlCandidate,
  first: number,
  problems: ProblemSink,
  place: ProblemPlace,
): void {
  const message = (): string =>
    `the pointer [${pointerIds(candidate).join(', ')}] stands at candidate ${first} already`
  problems.warn('duplicate-pointer', message, place)
}

function checkPool(
  { query_id: queryId, candidate_pool_ids: pool }: RlQuery,
  { problems, meta }: CheckContext,
): void {
  if (pool === null) return
  const size = meta?.pool_size
  const place = { queryId, field: 'candidate_pool_ids' }
  const twice = firstRepeated(pool)
  if (twice !== undefined) problems.error('pool-duplicate', `the pool holds ${twice} twice`, place)
  if (typeof size === 'number' && pool.length > size) {
    problems.error(
      'pool-size',
      `the pool has ${pool.length} candidates, but _meta.pool_size is ${size}`,
      place,
    )
  } else if (typeof size === 'number' && pool.length < size) {
    problems.warn(
      'pool-size',
      `the pool has ${pool.length} candidates, less than _meta.pool_size, ${size}`,
      place,
    )
  }
  if (pool.includes(queryId)) {
    problems.warn(
      'pool-self',
      'the query is in its own pool, so a policy can choose it as its own demonstration',
      place,
    )
  }
}

function checkPointer(
  candidate: RlCandidate,
  query: RlQuery,
  context: CheckContext,
  place: ProblemPlace,
): void {
  const { problems } = context
  const { pointer } = candidate
  const ids = pointerIds(candidate)
  const pool = query.candidate_pool_ids
  context.shots ??= ids.length
  if (ids.length !== context.shots || pointer.length !== ids.length) {
    const wrong = pointer.length === ids.length ? ids.length : pointer.length
    pointerError(
      problems,
      place,
      'pointer-length',
      `the pointer has ${wrong} demonstrations, expected ${context.shots}`,
    )
    return
  }
  const twice = firstRepeated(ids)
  if (twice !== undefined) {
    pointerError(problems, place, 'pointer-duplicate', `pointer ${twice} occurs twice in [${ids.join(', ')}]`)
  }
  for (let k = 0; k < ids.length; k++) {
    const id = ids[k]!
    if (id === query.query_id) {
      pointerError(
        problems,
        place,
        'pointer-self',
        `pointer ${id} is the query itself, as its own demonstration`,
      )
    }
    if (pool === null) continue
    const position = pointer[k]!
    if (position >= pool.length) {
      const { rule, problem } = outsidePool(position, pool)
      pointerError(problems, place, rule, problem)
    } else if (pool[position] !== id) {
      const message = `position ${position} of the pool is ${pool[position]!}, but pointer_global says ${id}`
      pointerError(problems, place, 'pointer-mismatch', message)
    }
  }
  const positions = candidate.pointer_pos
  if (pool === null && positions && positions.join() !== ids.join()) {
    const message = 'pointer_pos differs from pointer; pointer is used (the original reads pointer_pos)'
    problems.warn('pointer-pos', message, { ...place, field: 'pointer_pos' })
  }
}

function pointerError(problems: ProblemSink, place: ProblemPlace, rule: string, message: string): void {
  problems.error(rule, message, { ...place, field: 'pointer' })
}

function checkScores(
  candidate: RlCandidate,
  tenAnswers: boolean,
  problems: ProblemSink,
  place: ProblemPlace,
): void {
  const { vqa_acc_score: accuracy, vqa_correct: correct } = candidate
  if (candidate.vqa_eval_mode !== 'file' || typeof accuracy !== 'number' || typeof correct !== 'number')
    return
  if ((correct === 1) !== accuracy > 0) {
    problems.warn('correct-vs-accuracy', `vqa_correct is ${correct}, but vqa_acc_score is ${accuracy}`, place)
  }
  if (tenAnswers && !OFFICIAL.some((score) => Math.abs(score - accuracy) < 1e-6)) {
    problems.warn(
      'accuracy-grid',
      `vqa_acc_score ${accuracy} is no official score of ten answers (${OFFICIAL.join(', ')})`,
      place,
    )
  }
}

function reportUnknown(
  value: object,
  known: ReadonlySet<string>,
  problems: ProblemSink,
  place: ProblemPlace,
): void {
  for (const field in value) {
    if (!known.has(field)) problems.warn('unknown-field', unknownField(field, known), { ...place, field })
  }
}

function unknownField(field: string, known: ReadonlySet<string>): () => string {
  return () => {
    const near = nearest(field, known)
    return `field ${field} has no meaning here; it is kept${near === undefined ? '' : ` (did you mean ${near}?)`}`
  }
}
