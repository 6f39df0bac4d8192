import type { Dataset, Example } from '@lever/vqa-dataset'
import type { Embeddings } from '@lever/tensor-files'
import type { Features } from './features.ts'

/** What belongs together in a run. */
export interface MatchedInputs {
  readonly dataset: Dataset
  /** What demonstrations come from. */
  readonly pool: Dataset
  readonly queries: readonly Example[]
  readonly features: Features | undefined
}

/** What may have been swapped among inputs that fit together by their ids, and answers that cannot be right. */
export function inputWarnings({ dataset, pool, queries, features }: MatchedInputs): string[] {
  return [
    ...answerWarnings(queries),
    ...(features ? sourceWarnings(features.queries, dataset, '--embeddings') : []),
    ...(features && features.candidates !== features.queries
      ? sourceWarnings(features.candidates, pool, '--pool-embeddings')
      : []),
  ]
}

/** Equal answers that make a right answer score 1. */
const MIN_ANSWERS = 4

/** A dataset of one's own often has one answer a question, by which the official metric gives nothing. */
function answerWarnings(queries: readonly Example[]): string[] {
  const few = queries.filter(
    ({ answers, metric }) => metric === undefined && answers.length > 0 && answers.length < MIN_ANSWERS,
  )
  if (few.length === 0) return []
  return [
    `${few.length} of ${queries.length} questions have fewer than four answers: officially a right answer then scores below 1, with one answer 0; --allow-fallback scores these by a string match, or write an answer that is surely right ten times`,
  ]
}

/** Embeddings say which dataset they were made of; another one may use the same ids. */
export function sourceWarnings(
  { source }: Embeddings,
  { hash }: Pick<Dataset, 'hash'>,
  flag: string,
): string[] {
  if (source === '' || source === hash) return []
  return [
    `${flag} were made of another dataset (${source.slice(0, 12)}, not ${hash.slice(0, 12)}) and are matched by id; embed this one (lever embed) unless the ids mean the same questions`,
  ]
}
