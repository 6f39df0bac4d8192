import { fileError } from './errors.ts'

/** Rough size of an empty Map, list or tensor in memory, bytes. */
export const CONTAINER_BYTES = 256
/** Rough size of a number, a reference or a short text, bytes. */
export const SMALL_BYTES = 16

/**
 * How much memory, in bytes, reading a file may take beside the bytes of the file itself: as
 * much again and 48 MB. With it a file of a few bytes cannot describe gigabytes.
 */
export function memoryBudget(fileSize: number): number {
  return fileSize + 48_000_000
}

/** Counts memory against the budget of a file. */
export interface Budget {
  /** @throws InputError if the budget is used up */
  spend(bytes: number): void
}

export function createBudget(fileSize: number, name: string): Budget {
  const limit = memoryBudget(fileSize)
  let spent = 0
  return {
    spend(bytes) {
      spent += bytes
      if (spent <= limit) return
      throw fileError(
        name,
        `reading it would take more than ${limit} bytes of memory, far more than the file holds; it is damaged or made to do harm`,
      )
    },
  }
}
