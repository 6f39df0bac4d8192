import { InputError } from '@lever/durable-files'
import { canonicalId, describe, mostFrequent, narrowId, type QuestionId } from '@lever/vqa-eval'
import type { JoinedRow } from './joined.ts'
import { parsePythonList } from './python-list.ts'

/** A row whose ids may be missing. */
export interface GivenRow {
  /** Its line, or its number from 0, as messages name it. */
  readonly place: number
  readonly questionId: number | string | null
  readonly imageId: number | string | null
  readonly image?: string
  readonly split: string | undefined
  /** Whether the answers stand under `direct_answers`. */
  readonly direct: boolean
  readonly fields: Omit<JoinedRow, 'questionId' | 'imageId' | 'image'>
}

/** Fields of a row that mean something, other than `image`, which differs by form. */
export const ROW_FIELDS: readonly string[] = [
  'question_id',
  'image_id',
  'context',
  'question',
  'answers',
  'direct_answers',
  'answer',
  'multiple_choice_answer',
  'question_type',
  'answer_type',
  'choices',
  'correct_choice_idx',
  'difficult_direct_answer',
  'split',
]

/**
 * Reads the fields of one question; `name` is its place, for messages. Answers are strings, objects with `answer`, or
 * the text of a Python list.
 * @throws InputError if a field is of another type
 */
export function readRow(fields: ReadonlyMap<string, unknown>, name: string, place: number): GivenRow {
  const refuse = (field: string, wanted: string): never => {
    throw new InputError(`${name}: ${field} must be ${wanted}, got ${describe(fields.get(field))}`)
  }
  const given = (field: string): unknown => fields.get(field) ?? undefined
  const id = (field: string): number | string | null => {
    const value = given(field)
    if (value === undefined) return null
    const read: QuestionId = canonicalId(value) ?? refuse(field, 'an integer or a string')
    return narrowId(read, name)
  }
  const text = (field: string): string | undefined => {
    const value = given(field)
    return value === undefined || typeof value === 'string' ? value : refuse(field, 'a string')
  }
  const texts = (field: string): readonly string[] | undefined => {
    const value = given(field)
    if (value === undefined) return undefined
    const list = typeof value === 'string' ? parsePythonList(value) : value
    if (!Array.isArray(list)) return refuse(field, 'a list of answers')
    return list.map((item: unknown, i) => {
      const answer: unknown = item instanceof Map ? item.get('answer') : item
      if (typeof answer === 'string') return answer
      throw new InputError(
        `${name}: ${field}[${i}] must be a string, or an object with answer, got ${describe(item)}`,
      )
    })
  }
  const answer = text('answer') ?? text('multiple_choice_answer')
  const direct = texts('direct_answers')
  const answers = texts('answers') ?? direct ?? (answer === undefined ? [] : [answer])
  const context = text('context')
  const choices = texts('choices')
  const correct = choiceOf(given('correct_choice_idx'), choices, () =>
    refuse('correct_choice_idx', 'the place of a choice'),
  )
  const question = text('question') ?? refuse('question', 'a string')
  if (fields.get('question_id') === null) refuse('question_id', 'an integer or a string')
  return {
    place,
    questionId: id('question_id'),
    imageId: id('image_id'),
    split: text('split'),
    direct: direct !== undefined,
    fields: {
      question,
      ...(context !== undefined && context.trim() !== '' && { context }),
      answers,
      answer: answer ?? (answers.length > 0 ? mostFrequent(answers) : (choices?.[correct ?? -1] ?? '')),
      questionType: text('question_type') ?? '',
      answerType: text('answer_type') ?? '',
      ...(choices !== undefined && { choices }),
      ...(correct !== undefined && { correctChoice: correct }),
      ...(given('difficult_direct_answer') === true && { difficult: true }),
    },
  }
}

/** Undefined where none is given: absent, or -1 as some hide it. */
function choiceOf(
  value: unknown,
  choices: readonly string[] | undefined,
  refuse: () => never,
): number | undefined {
  if (value === undefined || value === -1) return undefined
  const found = canonicalId(value)
  return typeof found === 'number' && choices?.[found] !== undefined ? found : refuse()
}
