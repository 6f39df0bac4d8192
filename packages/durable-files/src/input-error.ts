/**
 * What the user gave is wrong: a file, an option, a folder that cannot be written. The command line ends with
 * status 2 on it; anything else is a failed run.
 */
export class InputError extends Error {
  readonly code = 'LEVER_INPUT'
  override readonly name = 'InputError'
  /** The message without the package and the place, for a caller that names the place itself. */
  readonly detail: string

  constructor(message: string, { detail = message, ...options }: ErrorOptions & { detail?: string } = {}) {
    super(message, options)
    this.detail = detail
  }
}

/**
 * Whether the user's input caused an error. It asks for the code, not for the class: the error may come from another
 * copy of a package, from a worker, or from a package that imports nothing.
 */
export function isInputError(error: unknown): error is InputError {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === 'LEVER_INPUT'
}

/** What an error says without the package and the place, where it keeps that apart; else its whole message. */
export function detailOf(error: unknown): string {
  const { detail, message = String(error) } = error as { detail?: string; message?: string }
  return detail ?? message
}
