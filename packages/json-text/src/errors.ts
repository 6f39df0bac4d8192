/** A text that is not JSON, or not JSON as the reader wants it. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
  /** Byte of the text at which it was noticed, from 0. */
  readonly offset: number
  /** Keys and indices that lead to the place, as far as the reader follows them. */
  readonly path: (string | number)[] = []

  constructor(reason: string, offset: number) {
    super(reason)
    this.offset = offset
  }
}

/** Line and column, from 1, and byte, from 0. A tab is one column; a column counts bytes. */
export interface Place {
  readonly line: number
  readonly column: number
  readonly byte: number
}

/** A place as every message names it. */
export function placeText({ line, column, byte }: Place): string {
  return `line ${line}, column ${column} (byte ${byte})`
}

/** Keys and indices as in a program: `answers[2].answer`. */
export function pathText(path: readonly (string | number)[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}
