import { createHash, type Hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { annotationName, NO_TEXT, type AnnotationTable } from './annotation-table.ts'
import { createAnswerList, type AnswerList } from './answer-list.ts'
import { imageNames, mostFrequent, type VqaDataset, type VqaExample } from './dataset.ts'
import { InputError } from './errors.ts'
import { repeatsOf } from './correspondence.ts'
import { indexIds, type IdIndex } from './id-list.ts'
import type { StreamOptions } from './json-stream.ts'
import { formatId, formatIds, type QuestionId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import { readAnnotations } from './read-annotations.ts'
import { readQuestions } from './read-questions.ts'

export interface ReadDatasetOptions extends Pick<StreamOptions, 'onProgress' | 'chunkSize'> {
  /** Path of the questions file; for A-OKVQA of its only file. */
  readonly questions: string
  /** Path of the annotation file. Without it the examples have no answers, except for A-OKVQA. */
  readonly annotations?: string
  /** Folder of the images. */
  readonly images?: string
  /**
   * Name of an image file in the folder, `%012d`, `%d` or `%s` for the id. Default: the first that is there of
   * `<id>.png|.jpg`, `COCO_<split>2014_%012d.jpg|.png` and `%012d.jpg|.png`.
   */
  readonly imagePattern?: string
  readonly name?: string
  readonly split?: string
}

/**
 * Reads a dataset of official files: questions joined with annotations by id, and images found by id.
 *
 * Throws InputError when a file is malformed, an id is repeated or beyond 2^53, questions and annotations do not
 * have the same ids, an annotation has no usable answers, or the image folder cannot be read.
 */
export async function readDataset({
  questions,
  annotations,
  images,
  imagePattern,
  name,
  split,
  ...stream
}: ReadDatasetOptions): Promise<VqaDataset> {
  const hash = createHash('sha256')
  const questionTable = await readQuestions(questions, { ...stream, hash })
  const answers = await readAnswers(questionTable, annotations, stream, hash)
  const text = (field: string): string | undefined => {
    const value = questionTable.header.get(field)
    return typeof value === 'string' ? value : undefined
  }
  const resolvedSplit = split ?? text('data_subtype') ?? ''
  const index = answers && joinById(questionTable, answers.table)
  const findImage = images === undefined ? null : await createImageFinder(images, resolvedSplit, imagePattern)
  const allIntegers = questionTable.questionIds.every(Number.isInteger)
  const seen = new Set<QuestionId>()
  let missingImages = 0

  const examples = questionTable.questionIds.map((questionId, place): VqaExample => {
    if (seen.has(questionId)) {
      throw new InputError(`vqa-eval: ${questions}: question ${formatId(questionId)} is there twice`)
    }
    seen.add(questionId)
    const row = index?.rowOf(questionId)
    const imageId =
      questionTable.imageIds[place] ?? (row === undefined ? null : answers!.table.imageIds.at(row))
    if (imageId === null) {
      throw new InputError(`vqa-eval: ${questions}: questions[${place}]: image_id is missing`)
    }
    const image = findImage?.(imageId)
    if (findImage && image === undefined) missingImages++
    return {
      id: allIntegers ? (questionId as number) : place,
      questionId: narrowId(questionId, questions),
      imageId: narrowId(imageId, questions),
      ...(image === undefined ? {} : { image }),
      question: questionTable.questions[place]!,
      ...humanFields(answers, row),
    }
  })
  return {
    name: name ?? text('data_type') ?? 'vqa',
    split: resolvedSplit,
    examples,
    hash: hash.digest('hex'),
    missingImages,
  }
}

interface Answers {
  readonly table: AnnotationTable
  readonly list: AnswerList
}

async function readAnswers(
  questions: QuestionTable,
  annotations: string | undefined,
  stream: StreamOptions,
  hash: Hash,
): Promise<Answers | null> {
  const list = createAnswerList()
  const sinks = [list]
  if (annotations !== undefined)
    return { table: await readAnnotations(annotations, { ...stream, hash, sinks }), list }
  if (!questions.isList) return null
  const table = await readAnnotations(questions.source, { ...stream, sinks })
  return table.problems.size < table.questionIds.length ? { table, list } : null
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
): Pick<VqaExample, 'answers' | 'answer' | 'questionType' | 'answerType'> {
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

function narrowId(id: QuestionId, source: string): number | string {
  if (typeof id === 'bigint') {
    throw new InputError(`vqa-eval: ${source}: id ${id} is beyond 2^53; write it as a string`)
  }
  return id
}

/** Looks names up in one listing of the folder; a pattern with a subfolder is looked up on disk. */
async function createImageFinder(
  folder: string,
  split: string,
  pattern: string | undefined,
): Promise<(id: QuestionId) => string | undefined> {
  const root = resolve(folder)
  let listing: Set<string>
  try {
    listing = new Set(await readdir(root))
  } catch (error) {
    throw new InputError(`vqa-eval: cannot read the image folder ${folder}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const isThere = (file: string): boolean =>
    /[\\/]/.test(file) ? existsSync(join(root, file)) : listing.has(file)
  const found = new Map<QuestionId, string | undefined>()
  return (id) => {
    if (!found.has(id)) {
      const file = imageNames(id, split, pattern).find(isThere)
      found.set(id, file === undefined ? undefined : join(root, file))
    }
    return found.get(id)
  }
}
