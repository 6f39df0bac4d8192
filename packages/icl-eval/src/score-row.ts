import type { Answer, EvaluationRow, Example, ScoreFunction } from './types.ts'

/** Which answer a row is about. */
export interface RowSubject {
  readonly selector: string
  readonly shots: number
  readonly seed: number | null
  readonly query: Example
  readonly demonstrations: readonly Example[]
  /** Prompts that the answer took. Default 1. */
  readonly prompts?: number
}

/** Scores one answer; a failed one has no accuracy and mode `error`. */
export function scoreRow(subject: RowSubject, { text, error }: Answer, score: ScoreFunction): EvaluationRow {
  const { query, selector, shots, seed, demonstrations, prompts = 1 } = subject
  const scored = error === undefined ? score(text, query) : { accuracy: null, mode: 'error' as const }
  return {
    query: query.id,
    image: query.imageId ?? null,
    selector,
    shots,
    seed,
    demonstrations: demonstrations.map(({ id }) => id),
    answer: text,
    accuracy: scored.accuracy,
    mode: scored.mode,
    ...(prompts !== 1 && { prompts }),
    ...(query.questionType !== undefined && { questionType: query.questionType }),
    ...(query.answerType !== undefined && { answerType: query.answerType }),
    ...(error !== undefined && { error }),
  }
}
