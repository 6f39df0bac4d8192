/** An error caused by what the user gave: data without a needed field, an unknown name, weights that say nothing. */
export class InputError extends Error {
  readonly code = 'LEVER_INPUT'

  constructor(message: string) {
    super(message)
    this.name = 'InputError'
  }
}
