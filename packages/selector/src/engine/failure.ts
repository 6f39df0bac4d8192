import { isInputError } from '@lever/durable-files'

/** What is wrong with one question; others of the same call go on. */
export interface Failed {
  readonly error: { readonly message: string; readonly input: boolean }
}

export function failure(message: string, input: boolean): Failed {
  return { error: { message, input } }
}

export function failureOf(error: unknown): Failed {
  return failure(error instanceof Error ? error.message : String(error), isInputError(error))
}
