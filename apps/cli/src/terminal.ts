/** What the command's thread knows of the terminal, which only the main thread sees. */
export interface Terminal {
  /** stderr may be rewritten. */
  readonly live: boolean
  /** Columns of stderr. */
  columns: number
  /** Columns of help, on stdout. */
  readonly width: number
}

/** `stop` at the first signal, or the columns of stderr after a change of its size. */
export type FromTerminal = 'stop' | { readonly columns: number }
