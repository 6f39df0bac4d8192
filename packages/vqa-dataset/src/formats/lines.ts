import { InputError } from '@lever/durable-files'
import { peek, readValue, type Cursor } from '@lever/json-text'
import { streamRows, type StreamOptions } from '@lever/json-text/node'
import { describe } from '@lever/vqa-eval'
import type { Joined, JoinedRow } from '../joined.ts'
import { readRow, ROW_FIELDS, type GivenRow } from '../row.ts'
import { meansSplit, splitOfName } from '../splits.ts'

/** The single file of A-OKVQA: a list of questions with `direct_answers` and `choices`. */
export async function readAokvqa(path: string, stream: StreamOptions & { split?: string }): Promise<Joined> {
  const rows: GivenRow[] = []
  await streamRows(
    path,
    {
      list: 'questions',
      layout: () => 'array',
      begin: () => (rows.length = 0),
      row: (c, index) => {
        const name = `vqa-dataset: ${path}: questions[${index}]`
        const row = readRow(readFields(c, name), name)
        if (row.questionId === null) {
          throw new InputError(`${name}: question_id must be an integer or a string, got nothing`)
        }
        rows.push(row)
      },
      field: () => undefined,
    },
    stream,
  )
  return joinRows(rows, { form: 'aokvqa', name: 'aokvqa', path, wanted: stream.split })
}

const LINE_FIELDS: ReadonlySet<string> = new Set([...ROW_FIELDS, 'image'])

/** A dataset of one's own: one question a line, with the path of its image or its id. */
export async function readLines(path: string, stream: StreamOptions & { split?: string }): Promise<Joined> {
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
        rows.push({ ...readRow(fields, name), ...(image !== undefined && { image }) })
        for (const field of fields.keys()) {
          if (!LINE_FIELDS.has(field)) unknown.set(field, (unknown.get(field) ?? 0) + 1)
        }
      },
      field: () => undefined,
    },
    stream,
  )
  const notices = Array.from(
    unknown,
    ([field, count]) => `${path}: field ${field} of ${count} lines means nothing`,
  )
  return joinRows(rows, { form: 'lines', name: 'questions', path, wanted: stream.split, notices })
}

/** Rows of one split, with ids for those that have none. */
export function joinRows(
  given: readonly GivenRow[],
  {
    form,
    name,
    path,
    wanted,
    split: known = '',
    notices = [],
  }: {
    form: Joined['form']
    name: string
    path: string
    wanted: string | undefined
    /** The split by the file's name, where rows do not say. */
    split?: string
    notices?: readonly string[]
  },
): Joined {
  const splits = [...new Set(given.map(({ split }) => split))].filter((split) => split !== undefined)
  const chosen = wanted === undefined ? splits : splits.filter((split) => meansSplit(wanted, split))
  if (chosen.length > 1 && wanted === undefined) {
    throw new InputError(
      `vqa-dataset: ${path}: it holds the splits ${splits.join(', ')}; choose one with --split`,
    )
  }
  if (splits.length > 0 && chosen.length === 0) {
    throw new InputError(`vqa-dataset: ${path}: it has no split ${wanted!}, only ${splits.join(', ')}`)
  }
  const kept = given.map((row, place) => ({ place, ...row }))
  const inSplit = kept.filter(({ split }) => split === undefined || chosen.includes(split))
  const rows = inSplit.map(({ place, questionId, imageId, image, fields }): JoinedRow => {
    const shown = imageId ?? image
    if (shown === undefined) {
      throw new InputError(
        `vqa-dataset: ${path}: question ${questionId ?? place}: there is no image and no image_id`,
      )
    }
    return {
      questionId: questionId ?? place,
      imageId: shown,
      ...fields,
      ...(image !== undefined && { image }),
    }
  })
  return {
    form,
    metric: inSplit.some(({ direct }) => direct) ? 'aokvqa' : 'official',
    name,
    split: chosen[0] ?? (known || (wanted ?? splitOfName(path.split(/[\\/]/).at(-1)!))),
    rows,
    notices,
  }
}

function readFields(c: Cursor, name: string): ReadonlyMap<string, unknown> {
  if (peek(c) === 0x7b) return readValue(c) as Map<string, unknown>
  throw new InputError(`${name}: a question must be an object, got ${describe(readValue(c))}`)
}
