import { InputError } from '@lever/durable-files/input-error'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { AnnotationTable } from './annotation-table.ts'
import { indexIds, type IdIndex } from './id-list.ts'
import { formatId, formatIds, type QuestionId } from './question-id.ts'

/** Which questions count. The parts are applied in this order, each to what the one before leaves. */
export interface Subset {
  /** In this order, repeats included, as the official `evaluate(quesIds)` takes them. */
  readonly questionIds?: readonly QuestionId[]
  readonly imageIds?: readonly QuestionId[]
  /** The first n of a shuffle that depends only on the seed and the ids, in the order of the file. */
  readonly sample?: { readonly n: number; readonly seed: number }
}

const SUBSET: OptionNames<Subset> = { questionIds: true, imageIds: true, sample: true }

/** Rows of the annotations to score. Throws InputError for an id that is not in the annotations. */
export function selectRows(table: AnnotationTable, annotated: IdIndex, subset: Subset = {}): Int32Array {
  refuseUnknownOptions(subset, SUBSET, 'vqa-eval: subset')
  const { questionIds, imageIds, sample } = subset
  if (questionIds) checkKnown(table, questionIds, annotated, 'question')
  let rows = questionIds ? Int32Array.from(questionIds, (id) => annotated.rowOf(id)) : annotated.rows()
  if (imageIds) {
    checkKnown(table, imageIds, indexIds(table.imageIds), 'image')
    const wanted = new Set<QuestionId | null>(imageIds)
    rows = rows.filter((row) => wanted.has(table.imageIds.at(row)))
  }
  return sample ? sampleRows(table, rows, sample.n, sample.seed) : rows
}

function checkKnown(table: AnnotationTable, ids: readonly QuestionId[], index: IdIndex, what: string): void {
  const unknown = ids.filter((id) => index.rowOf(id) < 0)
  if (unknown.length === 0) return
  throw new InputError(
    `vqa-eval: ${unknown.length} of the ${ids.length} chosen ${what} ids are not in ${table.source}: ${formatIds(unknown)}`,
  )
}

function sampleRows(table: AnnotationTable, rows: Int32Array, n: number, seed: number): Int32Array {
  if (!Number.isInteger(n) || n < 1) {
    throw new InputError(`vqa-eval: the size of a sample must be a positive integer, got ${n}`)
  }
  const keyed = Array.from(rows, (row, place) => ({
    row,
    place,
    key: hash53(formatId(table.questionIds.at(row)!), seed),
  }))
  keyed.sort((a, b) => a.key - b.key || a.place - b.place)
  const chosen = keyed.slice(0, n).sort((a, b) => a.place - b.place)
  return Int32Array.from(chosen, ({ row }) => row)
}

/** 53-bit hash of a text (cyrb53, public domain). */
function hash53(text: string, seed: number): number {
  let high = 0xdeadbeef ^ seed
  let low = 0x41c6ce57 ^ seed
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return 4294967296 * (2097151 & low) + (high >>> 0)
}
