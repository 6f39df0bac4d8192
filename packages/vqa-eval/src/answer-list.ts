import { NO_TEXT, type AnnotationSink } from './annotation-table.ts'
import { createColumn } from './column.ts'

/** The answers of all annotations, one row after another; numbers of texts. */
export interface AnswerList extends AnnotationSink {
  answersOf(row: number): number[]
  /** `multiple_choice_answer`, NO_TEXT where it is absent. */
  referenceOf(row: number): number
}

export function createAnswerList(): AnswerList {
  const answers = createColumn()
  const ends = createColumn()
  const references = createColumn()
  return {
    add(row) {
      for (const answer of row.answers ?? []) answers.push(answer)
      ends.push(answers.length)
      references.push(row.reference)
    },
    clear() {
      for (const list of [answers, ends, references]) list.clear()
    },
    answersOf(row) {
      const start = row === 0 ? 0 : ends.at(row - 1)
      return Array.from({ length: ends.at(row) - start }, (_, i) => answers.at(start + i)).filter(
        (text) => text !== NO_TEXT,
      )
    },
    referenceOf: (row) => references.at(row),
  }
}
