import { hashOf, InputError } from '@lever/durable-files'
import { peek, readValue, type Cursor } from '@lever/json-text'
import { describe } from '@lever/vqa-eval'
import { placeOf, type Joined, type JoinedRow, type Places } from './joined.ts'
import type { GivenRow } from './row.ts'
import { meansSplit, splitOfName } from './splits.ts'

/** Rows of one split, with ids for those that have none. */
export function joinRows(
  given: readonly GivenRow[],
  {
    unit,
    name,
    path,
    wanted,
    split: known = '',
    notices = [],
  }: {
    unit: Places['unit']
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
  const kept = given.map((row, number) => ({ number, ...row }))
  const inSplit = kept.filter(({ split }) => split === undefined || chosen.includes(split))
  const places: Places = { unit, at: inSplit.map(({ place }) => place) }
  requireAllIds(inSplit, path, places)
  const rows = inSplit.map(({ number, questionId, imageId, image, fields }, row): JoinedRow => {
    const shown = imageId ?? image ?? contextId(fields.context)
    if (shown === undefined) {
      throw new InputError(
        `vqa-dataset: ${path}: ${placeOf(places, row)}: it has no image, no image_id and no context; give one of them`,
      )
    }
    return {
      questionId: questionId ?? number,
      imageId: shown,
      ...fields,
      ...(image !== undefined && { image }),
    }
  })
  return {
    metric: inSplit.some(({ direct }) => direct) ? 'aokvqa' : 'official',
    name,
    split: chosen[0] ?? (known || (wanted ?? splitOfName(path.split(/[\\/]/).at(-1)!))),
    rows,
    places,
    notices,
  }
}

/** The id of a picture that is known by its text alone: equal texts, one picture. */
function contextId(context: string | undefined): string | undefined {
  return context === undefined ? undefined : `context:${hashOf(context).slice(0, 16)}`
}

/** Ids are of all rows or of none: a row number in place of one could be the id of another question. */
function requireAllIds(rows: readonly GivenRow[], path: string, places: Places): void {
  const without = rows.findIndex(({ questionId }) => questionId === null)
  const having = rows.findIndex(({ questionId }) => questionId !== null)
  if (without === -1 || having === -1) return
  throw new InputError(
    `vqa-dataset: ${path}: ${placeOf(places, without)}: question_id is missing, but ${placeOf(places, having)} has one; give every question an id, or none`,
  )
}

/** The fields of a row of JSON; `name` is its place. */
export function readFields(c: Cursor, name: string): ReadonlyMap<string, unknown> {
  if (peek(c) === 0x7b) return readValue(c) as Map<string, unknown>
  throw new InputError(`${name}: a question must be an object, got ${describe(readValue(c))}`)
}
