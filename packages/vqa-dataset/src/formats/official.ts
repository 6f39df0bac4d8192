import { basename } from 'node:path'
import { readOfficial } from '@lever/vqa-eval/node'
import type { Joined } from '../joined.ts'
import { splitOfName } from '../splits.ts'
import { foundByName, type DatasetFormat, type FormatReadOptions, streamOptions } from './format.ts'

/** Official files of VQA v1, v2 and OK-VQA: questions joined with annotations by id. The annotations may be missing. */
export const official: DatasetFormat = {
  looksLike: 'questions.json or *questions*.json (VQA, OK-VQA)',
  hasAnnotations: true,
  answersIn: 'the annotations, beside the questions or with --annotations',
  splitBy: 'file',
  images: 'above',
  find(folder, names) {
    const questions = names.filter((name) => /questions.*\.json$/i.test(name))
    const openEnded = questions.filter((name) => !/multiplechoice/i.test(name))
    return foundByName(folder, openEnded.length > 0 ? openEnded : questions, splitOfName)
  },
  files: ({ questions, annotations }) =>
    Promise.resolve(annotations === undefined ? [questions] : [questions, annotations]),
  read,
}

async function read(options: FormatReadOptions): Promise<Joined> {
  const { questions, annotations, split } = options
  const {
    questions: rows,
    dataType,
    dataSubtype,
  } = await readOfficial({ questions, annotations }, streamOptions(options))
  return {
    metric: 'official',
    name: dataType ?? 'vqa',
    split: split ?? dataSubtype ?? splitOfName(basename(questions)),
    rows,
    places: { unit: 'questions' },
    notices: [],
  }
}
