import { InputError } from '@lever/durable-files'

/** The error of a file that is not as it should be: prefix, file name, what and the remedy. */
export function fileError(name: string, what: string, cause?: unknown): InputError {
  const options = cause === undefined ? undefined : { cause }
  return new InputError(`tensor-files: ${name}: ${what}`, options)
}
