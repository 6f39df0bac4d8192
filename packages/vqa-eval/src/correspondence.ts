import type { AnnotationTable } from './annotation-table.ts'
import { formatId, formatIds, type QuestionId } from './question-id.ts'
import type { ResultTable } from './result-table.ts'

/** The first sentence of the official error, kept so that people who search for it find what it means. */
export const OFFICIAL_SENTENCE: string =
  'Results do not correspond to current VQA set. Either the results do not have predictions for all question ids in ' +
  'annotation file or there is atleast one question id that does not belong to the question ids in the annotation file.'

/** How the ids of the results and of the annotations differ; every list in the order of its file. */
export interface Correspondence {
  /** Annotated, without a prediction. */
  readonly missing: readonly QuestionId[]
  /** Predicted, not annotated. */
  readonly unexpected: readonly QuestionId[]
  /** Predicted under an id that is annotated with the other type, "1" for 1; in no other list. */
  readonly wrongType: readonly QuestionId[]
  /** Predicted more than once; the last prediction counts. */
  readonly duplicated: readonly QuestionId[]
}

export function compareIds(
  annotations: ReadonlyMap<QuestionId, number>,
  results: ReadonlyMap<QuestionId, number>,
  table: ResultTable,
): Correspondence {
  const byText = new Map<string, QuestionId>()
  const unexpected: QuestionId[] = []
  const wrongType: QuestionId[] = []
  const twins = new Set<QuestionId>()
  for (const id of results.keys()) {
    if (annotations.has(id)) continue
    if (byText.size === 0) for (const known of annotations.keys()) byText.set(String(known), known)
    const twin = byText.get(String(id))
    if (twin === undefined || results.has(twin)) unexpected.push(id)
    else {
      wrongType.push(id)
      twins.add(twin)
    }
  }
  const missing = [...annotations.keys()].filter((id) => !results.has(id) && !twins.has(id))
  return { missing, unexpected, wrongType, duplicated: repeated(table.questionIds, results) }
}

function repeated(ids: readonly QuestionId[], lastRow: ReadonlyMap<QuestionId, number>): QuestionId[] {
  if (ids.length === lastRow.size) return []
  const found = new Set<QuestionId>()
  for (const [row, id] of ids.entries()) if (lastRow.get(id) !== row) found.add(id)
  return [...found]
}

/** The official sentence, then what is wrong: counts and first ids. */
export function explainMismatch(
  { missing, unexpected, wrongType, duplicated }: Correspondence,
  annotations: AnnotationTable,
  results: ResultTable,
): string {
  const lines = [OFFICIAL_SENTENCE, `vqa-eval: ${results.source} against ${annotations.source}:`]
  const add = (ids: readonly QuestionId[], what: string): void => {
    if (ids.length > 0) lines.push(`  ${ids.length} ${what}: ${formatIds(ids)}`)
  }
  add(missing, 'annotated question(s) without a prediction (missing)')
  add(unexpected, 'predicted question(s) that are not annotated (unexpected)')
  const first = wrongType[0]
  if (first !== undefined) {
    const types =
      typeof first === 'string'
        ? 'results use strings, annotations integers'
        : 'results use integers, annotations strings'
    add(wrongType, `id(s) of the wrong type (${types}; ids must be of one type, here ${formatId(first)})`)
  }
  add(duplicated, 'question(s) predicted more than once (duplicated; the last prediction would count)')
  if (missing.length > 0 || unexpected.length > 0) {
    lines.push(
      'To score the questions that both files have, ask for it with --allow-partial (allowPartial: true).',
    )
  }
  return lines.join('\n')
}
