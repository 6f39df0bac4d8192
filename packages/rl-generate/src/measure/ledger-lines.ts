import type { RlQuestion } from '@lever/rl-dataset'
import type { Example } from '../types.ts'
import type { OutcomeLine } from './outcome-line.ts'
import type { ExtensionLine, PlanLine } from './plans.ts'

/** The value of a line `query:<id>`: the question, its pool, and how many pointers its first plan had. */
export interface QueryLine {
  readonly query: RlQuestion
  readonly candidate_pool_ids: readonly number[]
  readonly planned: number
  /** Number of that plan; left out for 0. */
  readonly plan?: number
}

/** The value of a line of a measured journal. */
export type LedgerLine = OutcomeLine | QueryLine | PlanLine | ExtensionLine

export const QUERY_PREFIX = 'query:'

/** The question of a query as it is written. */
export function questionOf(
  { id, questionId, imageId, question, answers }: Example,
  normalize: ((answer: string) => string) | undefined,
): RlQuestion & { query_id: number } {
  return {
    query_id: id,
    question_id: questionId,
    image_id: imageId,
    question,
    gt_answers_raw: answers,
    ...(normalize === undefined ? {} : { gt_answers_norm: answers.map(normalize) }),
  }
}
