import { bytesInMemory, openRlSource, parseRlData } from '../src/index.ts'
import type { Embeddings } from '@lever/tensor-files'
import type { LoadedRlData, Problem, ReadOptions } from '../src/index.ts'

export const bytesOf = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

/** Reads JSON text or a value as if it stood in `data.json`. */
export const read = (value: unknown, options: ReadOptions = {}): LoadedRlData =>
  parseRlData(bytesOf(value), { file: 'data.json', ...options })

/** All problems of JSON text or a value. */
export const problemsOf = (value: unknown, options: ReadOptions = {}): readonly Problem[] => {
  const source = openRlSource(bytesInMemory(bytesOf(value)), { file: 'data.json', ...options })
  Array.from(source.queries())
  return source.problems.listed
}

/** The rules of the errors of a value, in order. */
export const errorRules = (value: unknown, options: ReadOptions = {}): string[] =>
  problemsOf(value, options).flatMap(({ severity, rule }) => (severity === 'error' ? [rule] : []))

export const indexOf = (...ids: number[]): Pick<Embeddings, 'ids'> => ({ ids })

export const indexUpTo = (rows: number): Pick<Embeddings, 'ids'> => ({
  ids: Array.from({ length: rows }, (_, i) => i),
})

export const candidate = (
  pointer: number[],
  accuracy: number,
  more: object = {},
): Record<string, unknown> => ({
  pointer,
  gen_method: 'random',
  vqa_correct: accuracy > 0 ? 1 : 0,
  vqa_acc_score: accuracy,
  vqa_eval_mode: 'file',
  ...more,
})

/** Is this an error that we throw on purpose for bad input? */
export const isInputError = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'InputError' &&
  (error as { code?: unknown }).code === 'LEVER_INPUT'
