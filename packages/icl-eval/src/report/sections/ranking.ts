import { escapeHtml, section, sortableTable } from '../html.ts'
import type { Cell } from '../html.ts'
import type { RankingTable, ReportInput } from '../types.ts'
import { captionOf } from './common.ts'

/** Trainings that were compared with each other: a table for every run that has them. */
export function rankingSection({ runs }: ReportInput): string {
  const blocks = runs.flatMap((run) =>
    run.ranking === undefined
      ? []
      : [rankingBlock(run.ranking, captionOf(runs, run, 'Trainings, ranked on validation'))],
  )
  return section('ranking', 'Ranking', blocks.join('\n'))
}

function rankingBlock({ header, rows, text, notes }: RankingTable, caption: string): string {
  const cellOf = (cell: string, column: number): Cell => {
    const value = Number(cell)
    return column < text || cell === '' || Number.isNaN(value) ? { text: cell } : { text: cell, value }
  }
  const table = sortableTable({ caption, header, rows: rows.map((row) => row.map(cellOf)) })
  return `${table}\n${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')}`
}
