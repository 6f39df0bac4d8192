import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import type { Summary } from '../summary/types.ts'
import type { TextTable } from './tables.ts'
import { footnotes } from './tables.ts'
import type { RenderOptions } from './text.ts'
import { tablesOf, RENDER_OPTIONS } from './text.ts'

/** A summary as Markdown for papers and READMEs, ending in a line break. */
export function renderMarkdown(summary: Summary, options: RenderOptions = {}): string {
  refuseUnknownOptions(options, RENDER_OPTIONS, 'icl-eval: renderMarkdown')
  const tables = tablesOf(summary, options).map(markdownTable)
  const notes = footnotes(summary).map((note) => `- ${escapeCell(note)}`)
  return `${[...tables, notes.join('\n')].join('\n\n')}\n`
}

/** One table with a bold title. */
export function markdownTable({ title, header, rows }: TextTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`
  const rule = header.map((_, column) => (column === 0 ? '---' : '---:'))
  return [`**${title}**`, '', line(header), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n')
}

/** Names come from users: nothing in them may break the table or become a tag. */
export function escapeCell(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replace(/[\r\n]+/g, ' ')
}
