import { count } from '../../render/tables.ts'

/** Values without repetition, in order. */
export function distinct<T>(values: readonly T[]): T[] {
  return Array.from(new Set(values))
}

/** `1 shot`, `2 shots`. */
export const shotsHeader = (shots: number): string => count(shots, 'shot')

/** A caption that names its run where there are several. */
export function captionOf(runs: readonly unknown[], run: { readonly name: string }, caption: string): string {
  return runs.length > 1 ? `${run.name}: ${caption}` : caption
}
