import type { Cursor } from './cursor.ts'

/** How the rows of a file are laid out: a list, a list under a key of one object, or one object a line. */
export type Layout = 'array' | 'object' | 'lines'

/**
 * What to do with a file of rows. A method that reads from the cursor may be called again for the same bytes when
 * they continue beyond the window, and so must change nothing before it has read them all.
 */
export interface RowHandler {
  /** Called with the first byte of the file: `[` or `{`. Throws when the layout is not accepted. */
  layout(first: '[' | '{'): Layout
  /** The key of the list in the layout `object`. */
  readonly list: string
  /** Reads one row. `where` is its index in the list, or with the layout `lines` its line, from 1. */
  row(c: Cursor, where: number): void
  /** The list begins; if its key was there before, the rows so far do not count. */
  begin(): void
  /** Reads the value of another key of the object. */
  field(c: Cursor, name: string): void
}
