import { InputError } from '@lever/durable-files/input-error'

/** What the user gave is wrong: data without a needed field, an unknown name, weights that say nothing. */
export function inputError(detail: string): InputError {
  return new InputError(`reward-utils: ${detail}`, { detail })
}
