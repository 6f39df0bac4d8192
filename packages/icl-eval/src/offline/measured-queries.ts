import { InputError } from '@lever/durable-files'
import { pointerIds } from '@lever/rl-dataset'
import type { RlCandidate, RlData, RlQuery } from '@lever/rl-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Measured } from '../selectors/types.ts'
import type { Example } from '../types.ts'

/** A pointer of RL data whose outcome was scored. */
export interface MeasuredOutcome {
  /** Ids in prompt order. */
  readonly ids: readonly number[]
  readonly accuracy: number
  /** Expected accuracy (`vqa_gt_prob`), where it was measured. */
  readonly expected?: number
  readonly answer: string
  /** How it was proposed; '' when the data does not say. */
  readonly method: string
  readonly mode: 'file' | 'fallback'
}

/** A query of RL data as the offline evaluation sees it. */
export interface MeasuredQuery {
  readonly query: Example
  readonly pool: readonly Example[]
  readonly outcomes: readonly MeasuredOutcome[]
}

/** Queries of RL data with their pools and measured pointers. */
export interface MeasuredQueries {
  readonly queries: readonly MeasuredQuery[]
  /** Candidates that were left out, by reason. */
  readonly skipped: ReadonlyMap<string, number>
}

/** Which outcomes of RL data count, and the texts of their examples. */
export interface MeasuredQueriesOptions {
  /** Examples of the data set by id; without one an example has no text and no answer. */
  readonly examples?: ReadonlyMap<number, Example>
  /** Those of the queries, where the pool is another data set: its ids may be the same. Default `examples`. */
  readonly queryExamples?: ReadonlyMap<number, Example>
  /** Take outcomes scored by the string fallback. Default false. */
  readonly allowFallback?: boolean
  /** Take outcomes of which only the expected accuracy was measured; their accuracy is NaN. Default false. */
  readonly expectedAlone?: boolean
}

export const MEASURED_QUERIES_OPTIONS: OptionNames<MeasuredQueriesOptions> = {
  examples: true,
  queryExamples: true,
  allowFallback: true,
  expectedAlone: true,
}

/**
 * Reads what RL data knows about each query: its pool (or, where the file has none, the examples of its pointers) and
 * the scored outcomes, with those of shorter prefixes where the data holds them (`shots`). Failed outcomes are left
 * out and counted.
 *
 * @throws InputError if nothing is left
 */
export function measuredQueries(data: RlData, options: MeasuredQueriesOptions = {}): MeasuredQueries {
  refuseUnknownOptions(options, MEASURED_QUERIES_OPTIONS, 'icl-eval: measuredQueries')
  const {
    examples = new Map<number, Example>(),
    queryExamples = examples,
    allowFallback = false,
    expectedAlone = false,
  } = options
  const skipped = new Map<string, number>()
  const skip = (reason: string): void => void skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  const queries = data.queries.map((entry): MeasuredQuery => {
    const outcomes = entry.pointer_candidates.flatMap((candidate) =>
      outcomesOf(candidate, { allowFallback, expectedAlone }, skip),
    )
    const poolIds = entry.candidate_pool_ids ?? Array.from(new Set(outcomes.flatMap(({ ids }) => ids)))
    const example = (id: number): Example =>
      examples.get(id) ?? { id, questionId: id, imageId: null, question: '', answer: '', answers: [] }
    return {
      query: queryExamples.get(entry.query_id) ?? queryOf(entry),
      pool: poolIds.map(example),
      outcomes,
    }
  })
  if (queries.every(({ outcomes }) => outcomes.length === 0)) {
    const reasons = Array.from(skipped, ([reason, count]) => `${reason}: ${count}`).join(', ')
    throw new InputError(`icl-eval: the RL data holds no scored outcome (${reasons || 'no candidates'})`)
  }
  return { queries, skipped }
}

/** The outcomes as the selectors `oracle` and `worst` take them. */
export function measuredOf(queries: readonly MeasuredQuery[]): Measured {
  return new Map(queries.map(({ query, outcomes }) => [query.id, outcomes]))
}

function outcomesOf(
  candidate: RlCandidate,
  { allowFallback, expectedAlone }: { allowFallback: boolean; expectedAlone: boolean },
  skip: (reason: string) => void,
): MeasuredOutcome[] {
  const ids = pointerIds(candidate)
  const method = candidate.gen_method ?? ''
  const one = (
    shown: readonly number[],
    outcome: Pick<RlCandidate, 'vqa_acc_score' | 'vqa_gt_prob' | 'vqa_eval_mode' | 'vqa_pred_answer'>,
  ): MeasuredOutcome[] => {
    const mode = outcome.vqa_eval_mode ?? 'file'
    const { vqa_gt_prob: expected } = outcome
    const accuracy = outcome.vqa_acc_score ?? (expectedAlone && typeof expected === 'number' ? NaN : null)
    if (mode === 'error' || candidate.eval_failed === true) skip('failed')
    else if (accuracy === null) skip('without vqa_acc_score')
    else if (mode === 'fallback' && !allowFallback) skip('scored by the fallback')
    else {
      const more = typeof expected === 'number' ? { expected } : {}
      return [{ ids: shown, accuracy, ...more, answer: outcome.vqa_pred_answer ?? '', method, mode }]
    }
    return []
  }
  const shorter = (candidate.shots ?? []).filter(({ k }) => k < ids.length)
  return [...one(ids, candidate), ...shorter.flatMap((shot) => one(ids.slice(0, shot.k), shot))]
}

function queryOf({ query_id: id, query }: RlQuery): Example {
  const answers = query.gt_answers_raw ?? []
  return {
    id,
    questionId: query.question_id ?? id,
    imageId: query.image_id ?? null,
    question: query.question ?? '',
    answer: answers[0] ?? '',
    answers,
  }
}
