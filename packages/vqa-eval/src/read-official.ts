import type { StreamOptions } from '@lever/json-text/node'
import { InputError } from '@lever/durable-files/input-error'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { annotationName, NO_TEXT, type AnnotationTable } from './annotation-table.ts'
import { createAnswerList, type AnswerList } from './answer-list.ts'
import { explainRepeats } from './correspondence.ts'
import { mostFrequent } from './most-frequent.ts'
import { indexIds, type IdIndex } from './id-list.ts'
import { formatIds, narrowId, type QuestionId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import { readAnnotations } from './read-annotations.ts'
import { readQuestions } from './read-questions.ts'

/** A question of official files with its human answers. */
export interface OfficialQuestion {
  readonly questionId: number | string
  readonly imageId: number | string
  readonly question: string
  /** Empty without an annotation file. */
  readonly answers: readonly string[]
  /** `multiple_choice_answer`, or the most frequent answer, or ''. */
  readonly answer: string
  readonly questionType: string
  readonly answerType: string
}

/** Official questions, joined with their answers. */
export interface OfficialQuestions {
  /** In the order of the questions file. */
  readonly questions: readonly OfficialQuestion[]
  /** `data_type` of the questions file: `mscoco`. */
  readonly dataType?: string
  /** `data_subtype` of the questions file: `val2014`. */
  readonly dataSubtype?: string
}

/**
 * Reads official questions (VQA v1, v2, OK-VQA) and joins them with their annotations by id.
 * @throws InputError if a file is malformed, an id is repeated, or the two files do not have the same ids
 */
export async function readOfficial(
  files: { questions: string; annotations?: string | undefined },
  stream: StreamOptions = {},
): Promise<OfficialQuestions> {
  refuseUnknownOptions(files, { questions: true, annotations: true }, 'vqa-eval: readOfficial')
  const { questions, annotations } = files
  const table = await readQuestions(questions, stream)
  const list = createAnswerList()
  const answers =
    annotations === undefined
      ? null
      : { list, table: await readAnnotations(annotations, { ...stream, sinks: [list] }) }
  const index = answers && joinById(table, answers.table)
  const text = (field: string): string | undefined => {
    const value = table.header.get(field)
    return typeof value === 'string' ? value : undefined
  }
  const rows = table.questionIds.map((questionId, place): OfficialQuestion => {
    const name = `vqa-eval: ${questions}: questions[${place}]`
    const row = index?.rowOf(questionId)
    const imageId = table.imageIds[place] ?? (row === undefined ? null : answers!.table.imageIds.at(row))
    if (imageId === null) {
      throw new InputError(`${name}: image_id is missing or not an integer or a string`)
    }
    return {
      questionId: narrowId(questionId, name),
      imageId: narrowId(imageId, name),
      question: table.questions[place]!,
      ...humanFields(answers, row),
    }
  })
  const [dataType, dataSubtype] = [text('data_type'), text('data_subtype')]
  return {
    questions: rows,
    ...(dataType !== undefined && { dataType }),
    ...(dataSubtype !== undefined && { dataSubtype }),
  }
}

interface Answers {
  readonly table: AnnotationTable
  readonly list: AnswerList
}

function joinById(questions: QuestionTable, annotations: AnnotationTable): IdIndex {
  const ids = annotations.questionIds
  const index = indexIds(ids)
  if (index.size < ids.length) {
    const all = Array.from({ length: ids.length }, (_, row) => ids.at(row))
    const repeats = explainRepeats(all, (row) => `annotations[${row}]`)
    throw new InputError(`vqa-eval: ${annotations.source}: ${repeats}; keep one`)
  }
  const unanswered = questions.questionIds.filter((id) => index.rowOf(id) < 0)
  const asked = new Set<QuestionId | null>(questions.questionIds)
  const unasked: QuestionId[] = []
  for (let row = 0; row < ids.length; row++) if (!asked.has(ids.at(row))) unasked.push(ids.at(row)!)
  if (unanswered.length > 0 || unasked.length > 0) {
    throw new InputError(
      [
        `vqa-eval: ${questions.source} and ${annotations.source} do not hold the same questions:`,
        unanswered.length > 0
          ? `${unanswered.length} questions have no annotation (${formatIds(unanswered)})`
          : '',
        unasked.length > 0 ? `${unasked.length} annotations have no question (${formatIds(unasked)})` : '',
      ]
        .filter((part) => part !== '')
        .join(' '),
    )
  }
  return index
}

function humanFields(
  found: Answers | null,
  row: number | undefined,
): Pick<OfficialQuestion, 'answers' | 'answer' | 'questionType' | 'answerType'> {
  if (!found || row === undefined) return { answers: [], answer: '', questionType: '', answerType: '' }
  const { table, list } = found
  const problem = table.problems.get(row)
  if (problem !== undefined) {
    throw new InputError(`vqa-eval: ${annotationName(table, row)}: ${problem}`)
  }
  const text = (id: number): string => (id === NO_TEXT ? '' : table.texts.texts[id]!)
  const answers = list.answersOf(row).map(text)
  const reference = list.referenceOf(row)
  return {
    answers,
    answer: reference === NO_TEXT ? mostFrequent(answers) : text(reference),
    questionType: text(table.questionTypes.at(row)),
    answerType: text(table.answerTypes.at(row)),
  }
}
