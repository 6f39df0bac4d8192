import { InputError } from '@lever/durable-files'
import { peek, readValue, type Cursor } from '@lever/json-text'
import { describe } from '@lever/vqa-eval'
import type { Joined, JoinedRow } from './joined.ts'
import type { GivenRow } from './row.ts'
import { meansSplit, splitOfName } from './splits.ts'

/** Rows of one split, with ids for those that have none. */
export function joinRows(
  given: readonly GivenRow[],
  {
    name,
    path,
    wanted,
    split: known = '',
    notices = [],
  }: {
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
    metric: inSplit.some(({ direct }) => direct) ? 'aokvqa' : 'official',
    name,
    split: chosen[0] ?? (known || (wanted ?? splitOfName(path.split(/[\\/]/).at(-1)!))),
    rows,
    notices,
  }
}

/** The fields of a row of JSON; `name` is its place. */
export function readFields(c: Cursor, name: string): ReadonlyMap<string, unknown> {
  if (peek(c) === 0x7b) return readValue(c) as Map<string, unknown>
  throw new InputError(`${name}: a question must be an object, got ${describe(readValue(c))}`)
}
