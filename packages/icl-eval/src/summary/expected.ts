import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import type { EvaluationRow } from '../types.ts'
import type { SummarizeOptions } from './summarize.ts'
import { summarize, SUMMARIZE_OPTIONS } from './summarize.ts'
import type { Summary, TableRow } from './types.ts'

/**
 * {@link summarize}, with the expected accuracies beside the accuracies: every selector and number of shots whose rows
 * all have one. Differences of E are paired by question, to the baseline that is best in E.
 */
export function summarizeBoth(rows: readonly EvaluationRow[], options: SummarizeOptions = {}): Summary {
  refuseUnknownOptions(options, SUMMARIZE_OPTIONS, 'icl-eval: summarizeBoth')
  const summary = summarize(rows, options)
  const measured = rowsOfExpected(rows)
  if (measured.length === 0) return summary
  const { table, baselines, detectable } = summarize(measured, {
    ...options,
    oracle: [],
    gap: { from: [], to: 'oracle' },
  })
  const expected = table.map((row) => ({
    ...row,
    comparisons: row.comparisons.map((comparison) => ({ ...comparison, mcnemar: null })),
  }))
  const find = ({ selector, shots }: TableRow): TableRow | undefined =>
    expected.find((row) => row.selector === selector && row.shots === shots)
  return {
    ...summary,
    table: summary.table.map((row) => {
      const own = find(row)
      return own === undefined ? row : { ...row, expected: own.accuracy, expectedCi: own.ci }
    }),
    expected: { table: expected, baselines, detectable },
  }
}

/** Rows with E in the place of the accuracy, of the selectors and numbers of shots that have it everywhere. */
function rowsOfExpected(rows: readonly EvaluationRow[]): EvaluationRow[] {
  const cellOf = ({ selector, shots }: EvaluationRow): string => `${shots} ${selector}`
  const lacking = new Set(
    rows.filter(({ accuracy, expected }) => accuracy !== null && expected === undefined).map(cellOf),
  )
  return rows
    .filter((row) => row.expected !== undefined && !lacking.has(cellOf(row)))
    .map((row) => ({ ...row, accuracy: row.expected ?? null }))
}
