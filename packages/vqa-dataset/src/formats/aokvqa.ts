import { InputError } from '@lever/durable-files'
import { streamRows } from '@lever/json-text/node'
import { joinRows, readFields } from '../join-rows.ts'
import type { Joined } from '../joined.ts'
import { readRow, type GivenRow } from '../row.ts'
import { splitOfName } from '../splits.ts'
import { foundByName, type DatasetFormat, type FormatReadOptions, streamOptions } from './format.ts'

/** A-OKVQA: one file, a list of questions with `direct_answers` and `choices`. */
export const aokvqa: DatasetFormat = {
  looksLike: 'aokvqa_*.json (A-OKVQA)',
  hasAnnotations: false,
  answersIn: 'a field "direct_answers", a list of the human answers, to each (the test split has none)',
  splitBy: 'file',
  images: 'above',
  find: (folder, names) =>
    foundByName(
      folder,
      names.filter((name) => /^a-?okvqa.*\.json$/i.test(name) && !/questions/i.test(name)),
      splitOfName,
    ),
  recognises: ({ head, annotations }) => annotations === undefined && head.startsWith('['),
  files: ({ questions }) => Promise.resolve([questions]),
  read: readAokvqa,
}

async function readAokvqa(options: FormatReadOptions): Promise<Joined> {
  const { questions: path, split } = options
  const rows: GivenRow[] = []
  await streamRows(
    path,
    {
      list: 'questions',
      layout: () => 'array',
      begin: () => (rows.length = 0),
      row: (c, index) => {
        const name = `vqa-dataset: ${path}: questions[${index}]`
        const row = readRow(readFields(c, name), name, index)
        if (row.questionId === null) {
          throw new InputError(`${name}: question_id must be an integer or a string, got nothing`)
        }
        rows.push(row)
      },
      field: () => undefined,
    },
    streamOptions(options),
  )
  return joinRows(rows, { unit: 'questions', name: 'aokvqa', path, wanted: split })
}
