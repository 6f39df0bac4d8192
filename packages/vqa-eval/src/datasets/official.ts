import { NO_TEXT, annotationName, type AnnotationTable } from '../annotation-table.ts'
import { createAnswerList, type AnswerList } from '../answer-list.ts'
import { repeatsOf } from '../correspondence.ts'
import { mostFrequent } from '../dataset.ts'
import { InputError } from '../errors.ts'
import { indexIds, type IdIndex } from '../id-list.ts'
import type { StreamOptions } from '../json-stream.ts'
import { formatIds, type QuestionId } from '../question-id.ts'
import type { QuestionTable } from '../question-table.ts'
import { readAnnotations } from '../read-annotations.ts'
import { readQuestions } from '../read-questions.ts'
import { narrowId, type Joined, type JoinedRow } from './joined.ts'
import { splitOfName } from './splits.ts'

/** Official files: questions joined with annotations by id. The annotations may be missing. */
export async function readOfficial(
  { questions, annotations }: { questions: string; annotations?: string | undefined },
  stream: StreamOptions,
): Promise<Joined> {
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
  const rows = table.questionIds.map((questionId, place): JoinedRow => {
    const row = index?.rowOf(questionId)
    const imageId = table.imageIds[place] ?? (row === undefined ? null : answers!.table.imageIds.at(row))
    if (imageId === null) {
      throw new InputError(`vqa-eval: ${questions}: questions[${place}]: image_id is missing`)
    }
    return {
      questionId: narrowId(questionId, `vqa-eval: ${questions}`),
      imageId: narrowId(imageId, `vqa-eval: ${questions}`),
      question: table.questions[place]!,
      ...humanFields(answers, row),
    }
  })
  return {
    form: 'official',
    metric: 'official',
    name: text('data_type') ?? 'vqa',
    split: text('data_subtype') ?? splitOfName(questions.split(/[\\/]/).at(-1)!),
    rows,
    notices: [],
  }
}

interface Answers {
  readonly table: AnnotationTable
  readonly list: AnswerList
}

function joinById(questions: QuestionTable, annotations: AnnotationTable): IdIndex {
  const ids = annotations.questionIds
  const index = indexIds(ids)
  const repeated = repeatsOf(ids, index)
  if (repeated.length > 0) {
    throw new InputError(`vqa-eval: ${annotations.source}: ids are there twice: ${formatIds(repeated)}`)
  }
  const unanswered = questions.questionIds.filter((id) => index.rowOf(id) < 0)
  const asked = new Set<QuestionId | null>(questions.questionIds)
  const unasked: QuestionId[] = []
  for (let row = 0; row < ids.length; row++) if (!asked.has(ids.at(row))) unasked.push(ids.at(row)!)
  if (unanswered.length > 0 || unasked.length > 0) {
    throw new InputError(
      [
        `vqa-eval: ${questions.source} and ${annotations.source} do not belong together:`,
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
): Pick<JoinedRow, 'answers' | 'answer' | 'questionType' | 'answerType'> {
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
