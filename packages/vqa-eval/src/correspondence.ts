import type { AnnotationTable } from './annotation-table.ts'
import type { Column } from './column.ts'
import type { IdIndex, IdList } from './id-list.ts'
import { formatId, formatIds, type QuestionId } from './question-id.ts'
import type { ResultTable } from './result-table.ts'

/** The first sentence of the official error, kept so that people who search for it find what it means. */
const OFFICIAL_SENTENCE =
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

/** Compares the ids of the annotations with those of the results; `resultRows` has a row per annotation, -1 for none. */
export function compareIds(
  annotations: IdList,
  annotated: IdIndex,
  results: IdList,
  predicted: IdIndex,
  resultRows: Column,
): Correspondence {
  const unique = annotated.size === annotations.length
  let matched = 0
  let missing: QuestionId[] = []
  for (let row = 0; row < annotations.length; row++) {
    const id = annotations.at(row)!
    if (!unique && annotated.rowOf(id) !== row) continue
    if (resultRows.at(row) >= 0) matched++
    else missing.push(id)
  }
  const foreign = matched === predicted.size ? [] : foreignIds(results, predicted, annotated)
  const byText = new Map(foreign.length > 0 ? missing.map((id) => [String(id), id]) : [])
  const wrongType = foreign.filter((id) => byText.has(String(id)))
  const twins = new Set(wrongType.map((id) => byText.get(String(id))))
  if (twins.size > 0) missing = missing.filter((id) => !twins.has(id))
  const unexpected = foreign.filter((id) => !byText.has(String(id)))
  const duplicated = [...new Set(repeatsOf(results, predicted))]
  return { missing, unexpected, wrongType, duplicated }
}

function foreignIds(results: IdList, predicted: IdIndex, annotated: IdIndex): QuestionId[] {
  const foreign: QuestionId[] = []
  for (let row = 0; row < results.length; row++) {
    const id = results.at(row)!
    if (predicted.rowOf(id) === row && annotated.rowOf(id) < 0) foreign.push(id)
  }
  return foreign
}

/**
 * Says that a list gives ids twice, and where: `question 10 is given twice: annotations[0] and annotations[4]`.
 * Undefined when it does not. `placeOf` names a row.
 */
export function explainRepeats(
  ids: readonly (QuestionId | null)[],
  placeOf: (row: number) => string,
): string | undefined {
  const first = new Map<QuestionId | null, number>()
  const repeats: string[] = []
  ids.forEach((id, row) => {
    const before = first.get(id)
    if (before === undefined) first.set(id, row)
    else if (id !== null)
      repeats.push(`question ${formatId(id)} is given twice: ${placeOf(before)} and ${placeOf(row)}`)
  })
  if (repeats.length === 0) return undefined
  const shown = repeats.slice(0, MAX_REPEATS_SHOWN).join('; ')
  return repeats.length > MAX_REPEATS_SHOWN
    ? `${shown}; and ${repeats.length - MAX_REPEATS_SHOWN} more`
    : shown
}

const MAX_REPEATS_SHOWN = 3

/** Ids at rows that a later row repeats. */
export function repeatsOf(ids: IdList, index: IdIndex): QuestionId[] {
  const repeats: QuestionId[] = []
  if (index.size === ids.length) return repeats
  for (let row = 0; row < ids.length; row++) {
    const id = ids.at(row)!
    if (index.rowOf(id) !== row) repeats.push(id)
  }
  return repeats
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
