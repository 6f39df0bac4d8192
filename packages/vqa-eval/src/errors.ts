/** A mistake in what the caller gave: a file, an id, an option. The command line ends with status 2 on it. */
export class InputError extends Error {
  readonly code = 'LEVER_INPUT'

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'InputError'
  }
}
