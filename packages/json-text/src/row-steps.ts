import { InputError } from '@lever/durable-files/input-error'
import {
  atEnd,
  enterArray,
  enterObject,
  fail,
  needMore,
  nextField,
  nextItem,
  OPEN_BRACE,
  OPEN_BRACKET,
  peek,
  refuseEmpty,
  type Cursor,
} from './cursor.ts'
import { JsonSyntaxError } from './errors.ts'
import { foreignFormat, HEAD_BYTES } from './foreign.ts'
import type { Layout, RowHandler } from './row-handler.ts'
import { readName } from './string.ts'

type State = 'start' | 'row' | 'afterRow' | 'key' | 'afterValue' | 'line' | 'end'

/** How far a file of rows was read. */
export interface Rows {
  readonly handler: RowHandler
  readonly path: string
  state: State
  layout: Layout
  /** Number of rows read. */
  index: number
  /** Line at the end of the last row, and at the start of the one being read, from 1. */
  line: number
  rowLine: number
}

export function startRows(handler: RowHandler, path: string): Rows {
  return { handler, path, state: 'start', layout: 'array', index: 0, line: 1, rowLine: 1 }
}

/**
 * One step of the document; between two steps the window may move. True when the file is finished. Changes its state
 * only when it has read all it needs.
 */
export function stepRows(rows: Rows, c: Cursor): boolean {
  const { state } = rows
  rows.state = STEPS[state](rows, c)
  return state === 'end'
}

/** The row that is being read, as messages name it. */
export function rowPlace({ state, layout, handler, index }: Rows): string {
  if (state !== 'row') return ''
  return layout === 'array' ? `, row ${index + 1}` : `, ${handler.list}[${index}]`
}

const STEPS: Record<State, (rows: Rows, c: Cursor) => State> = {
  start,
  row(rows, c) {
    rows.handler.row(c, rows.index)
    rows.index++
    return 'afterRow'
  },
  afterRow: (rows, c) => (nextItem(c) ? 'row' : rows.layout === 'array' ? 'end' : 'afterValue'),
  key,
  afterValue: (_, c) => (nextField(c) ? 'key' : 'end'),
  line,
  end(_, c) {
    if (!atEnd(c)) fail(c, 'the end of the file')
    return 'end'
  },
}

function start(rows: Rows, c: Cursor): State {
  if (c.end < HEAD_BYTES && !c.last) throw needMore
  const { handler, path } = rows
  const foreign = foreignFormat(c.bytes.subarray(0, Math.min(c.end, HEAD_BYTES)))
  if (foreign !== undefined) throw new InputError(`json-text: ${path} is not JSON but ${foreign}`)
  refuseEmpty(c)
  const byte = peek(c)
  if (byte === 0xef) {
    throw new JsonSyntaxError('it starts with a byte-order mark; save it as UTF-8 without one', 0)
  }
  if (byte !== OPEN_BRACKET && byte !== OPEN_BRACE) fail(c, '"[" or "{"')
  rows.layout = handler.layout(byte === OPEN_BRACKET ? '[' : '{')
  if (rows.layout === 'object') return enterObject(c) ? 'key' : 'end'
  handler.begin()
  if (rows.layout === 'lines') return 'line'
  return enterArray(c) ? 'row' : 'end'
}

function key(rows: Rows, c: Cursor): State {
  const { handler } = rows
  const name = readName(c)
  if (name !== handler.list) {
    handler.field(c, name)
    return 'afterValue'
  }
  if (peek(c) !== OPEN_BRACKET) fail(c, `a list of rows under "${name}"`)
  const more = enterArray(c)
  handler.begin()
  rows.index = 0
  return more ? 'row' : 'afterValue'
}

function line(rows: Rows, c: Cursor): State {
  const before = c.pos
  if (atEnd(c)) return 'end'
  const skipped = newlines(c, before)
  rows.rowLine = rows.line + skipped
  if (rows.index > 0 && skipped === 0) fail(c, 'a new line')
  const from = c.pos
  rows.handler.row(c, rows.rowLine)
  rows.line = rows.rowLine + newlines(c, from)
  rows.index++
  return 'line'
}

function newlines(c: Cursor, from: number): number {
  let count = 0
  for (let i = from; i < c.pos; i++) if (c.bytes[i] === 0x0a) count++
  return count
}
