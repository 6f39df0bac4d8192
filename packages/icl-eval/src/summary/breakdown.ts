import type { EvaluationRow } from '../types.ts'

/** Mean accuracy of each selector on the questions of one type, at one number of shots (or at 0). */
export interface BreakdownRow {
  readonly type: string
  /** Different questions. */
  readonly n: number
  /** By selector name, 0..1, over rows with an accuracy. */
  readonly accuracies: ReadonlyMap<string, number>
}

/** Accuracy by question type or answer type; types with most questions first. Rows without the type are left out. */
export function breakdown(
  rows: readonly EvaluationRow[],
  by: 'questionType' | 'answerType',
  shots: number,
): BreakdownRow[] {
  const types = new Map<string, TypeSums>()
  for (const row of rows) {
    const type = row[by]
    if (type === undefined || type === '' || (row.shots !== shots && row.shots !== 0)) continue
    const entry = types.get(type) ?? newSums()
    types.set(type, entry)
    entry.questions.add(row.query)
    if (row.accuracy === null) continue
    const total = entry.sums.get(row.selector) ?? { sum: 0, count: 0 }
    entry.sums.set(row.selector, { sum: total.sum + row.accuracy, count: total.count + 1 })
  }
  return Array.from(types, ([type, { questions, sums }]) => ({
    type,
    n: questions.size,
    accuracies: new Map(Array.from(sums, ([selector, { sum, count }]) => [selector, sum / count])),
  })).sort((a, b) => b.n - a.n || (a.type < b.type ? -1 : 1))
}

interface TypeSums {
  readonly questions: Set<number>
  readonly sums: Map<string, { readonly sum: number; readonly count: number }>
}

const newSums = (): TypeSums => ({ questions: new Set(), sums: new Map() })
