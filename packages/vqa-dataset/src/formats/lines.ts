import { InputError } from '@lever/durable-files'
import { streamRows } from '@lever/json-text/node'
import { describe } from '@lever/vqa-eval'
import { joinRows, readFields } from '../join-rows.ts'
import type { Joined } from '../joined.ts'
import { readRow, ROW_FIELDS, type GivenRow } from '../row.ts'
import { splitOfName } from '../splits.ts'
import { foundByName, type DatasetFormat, type FormatReadOptions, streamOptions } from './format.ts'

/** A dataset of one's own: one question a line, with the path of its image or its id. */
export const lines: DatasetFormat = {
  looksLike: 'questions.jsonl',
  hasAnnotations: false,
  answersIn: 'a field "answers", a list of the human answers, to their lines',
  splitBy: 'row',
  images: 'folder',
  find: (folder, names) =>
    foundByName(
      folder,
      names.filter((name) => /questions.*\.(jsonl|ndjson)$/i.test(name)),
      splitOfName,
    ),
  fileName: /\.(jsonl|ndjson)$/i,
  files: ({ questions }) => Promise.resolve([questions]),
  read: readLines,
}

const LINE_FIELDS: ReadonlySet<string> = new Set([...ROW_FIELDS, 'image'])

async function readLines(options: FormatReadOptions): Promise<Joined> {
  const { questions: path, split } = options
  const rows: GivenRow[] = []
  const unknown = new Map<string, number>()
  await streamRows(
    path,
    {
      list: '',
      layout(first) {
        if (first === '{') return 'lines'
        throw new InputError(`vqa-dataset: ${path}: line 1: it is a list; write one question a line`)
      },
      begin: () => (rows.length = 0),
      row: (c, line) => {
        const name = `vqa-dataset: ${path}: line ${line}`
        const fields = readFields(c, name)
        const image = fields.get('image') ?? undefined
        if (image !== undefined && (typeof image !== 'string' || image === '')) {
          throw new InputError(`${name}: image must be a path, got ${describe(image)}`)
        }
        rows.push({ ...readRow(fields, name, line), ...(image !== undefined && { image }) })
        for (const field of fields.keys()) {
          if (!LINE_FIELDS.has(field)) unknown.set(field, (unknown.get(field) ?? 0) + 1)
        }
      },
      field: () => undefined,
    },
    streamOptions(options),
  )
  const notices = Array.from(
    unknown,
    ([field, count]) =>
      `${path}: unknown field ${JSON.stringify(field)} (${count} ${count === 1 ? 'line' : 'lines'}) ignored`,
  )
  return joinRows(rows, { unit: 'line', name: 'questions', path, wanted: split, notices })
}
