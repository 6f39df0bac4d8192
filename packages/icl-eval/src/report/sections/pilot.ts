import { escapeHtml, section, sortableTable } from '../html.ts'
import type { PilotTables, ReportInput } from '../types.ts'
import { captionOf } from './common.ts'

/** Whether there is anything to win by choosing: the verdict of every run that is a pilot, and its figures. */
export function pilotSection({ runs }: ReportInput): string {
  const blocks = runs.flatMap((run) =>
    run.pilot === undefined ? [] : [pilotBlock(run.pilot, (title) => captionOf(runs, run, title))],
  )
  return section('pilot', 'Pilot', blocks.join('\n'))
}

function pilotBlock(
  { verdict, reasons, tables, notes }: PilotTables,
  captionOfTable: (title: string) => string,
): string {
  const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`
  const shown = tables.map(({ title, header, rows }) =>
    sortableTable({
      caption: captionOfTable(title),
      header,
      rows: rows.map((row) => row.map((text) => ({ text }))),
    }),
  )
  return [
    `<p><strong>${escapeHtml(verdict)}</strong></p>`,
    ...[...reasons.map(paragraph), ...shown, ...notes.map(paragraph)],
  ].join('\n')
}
