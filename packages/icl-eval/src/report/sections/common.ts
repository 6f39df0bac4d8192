import { count } from '../../render/tables.ts'
import type { Summary } from '../../summary/types.ts'
import type { ReportRun } from '../types.ts'

/** Values without repetition, in order. */
export function distinct<T>(values: readonly T[]): T[] {
  return Array.from(new Set(values))
}

/** `1 shot`, `2 shots`. */
export const shotsHeader = (shots: number): string => count(shots, 'shot')

/** The runs that evaluated something. */
export function evaluatedRuns(runs: readonly ReportRun[]): (ReportRun & { readonly summary: Summary })[] {
  return runs.flatMap((run) => (run.summary === undefined ? [] : [{ ...run, summary: run.summary }]))
}

/** A caption that names its run where there are several. */
export function captionOf(runs: readonly unknown[], run: { readonly name: string }, caption: string): string {
  return runs.length > 1 ? `${run.name}: ${caption}` : caption
}
