import { percent } from '../../render/tables.ts'
import { breakdown } from '../../summary/breakdown.ts'
import type { HtmlTable } from '../html.ts'
import { section, sortableTable } from '../html.ts'
import type { ReportInput, ReportRun } from '../types.ts'
import { captionOf, distinct, shotsHeader } from './common.ts'

/** Accuracy by question type and answer type, at the shots of the examples or else the largest number. */
export function typesSection({ runs }: ReportInput): string {
  const tables = runs.flatMap((run) =>
    [
      ...typeTables(run, 'questionType', 'question type'),
      ...typeTables(run, 'answerType', 'answer type'),
    ].map((table) => sortableTable({ ...table, caption: captionOf(runs, run, table.caption) })),
  )
  return section('types', 'By type of question', tables.join('\n'))
}

function typeTables(
  { rows = [], summary, examples }: ReportRun,
  by: 'questionType' | 'answerType',
  noun: string,
): HtmlTable[] {
  if (summary === undefined) return []
  const selectors = distinct(summary.table.map((row) => row.selector))
  const shots = examples?.shots ?? summary.table.reduce((most, row) => Math.max(most, row.shots), 0)
  const types = breakdown(rows, by, shots)
  if (types.length === 0) return []
  return [
    {
      caption: `Accuracy in per cent by ${noun}, at ${shotsHeader(shots)} (zero-shot at 0)`,
      header: [noun, 'n', ...selectors],
      rows: types.map(({ type, n, accuracies }) => [
        { text: type },
        { text: String(n), value: n },
        ...selectors.map((selector) => {
          const accuracy = accuracies.get(selector)
          return accuracy === undefined ? { text: '' } : { text: percent(accuracy), value: accuracy }
        }),
      ]),
    },
  ]
}
