import { footnotes } from '../../render/tables.ts'
import { escapeHtml, section } from '../html.ts'
import type { ReportInput, ReportRun } from '../types.ts'

/** Warnings, the sample and how it was measured. */
export function factsSection({ runs }: ReportInput): string {
  const blocks = runs.map(
    (run) => `${runs.length > 1 ? `<h3>${escapeHtml(run.name)}</h3>\n` : ''}${factsBlock(run)}`,
  )
  return section('facts', 'How this was measured', blocks.join('\n'))
}

/** What a reader must see before the figures; '' when there is nothing. */
export function warningsBlock({ runs }: ReportInput): string {
  const own = runs.flatMap(({ name, warnings = [] }) =>
    warnings.map((warning) => (runs.length > 1 ? `${name}: ${warning}` : warning)),
  )
  const all = [...comparabilityWarnings(runs), ...own]
  if (all.length === 0) return ''
  const items = all.map((warning) => `<li>${escapeHtml(warning)}</li>`)
  return `<div class="warnings" role="note"><strong>Before reading the figures:</strong><ul>${items.join('')}</ul></div>\n`
}

/** Accuracies on different questions say nothing about one another. */
function comparabilityWarnings(all: readonly ReportRun[]): string[] {
  const runs = all.flatMap(({ name, rows }) =>
    rows === undefined
      ? []
      : [{ name, questions: new Set(rows.map(({ query, image }) => `${query} ${image}`)) }],
  )
  const [first, ...others] = runs
  const isSame = ({ questions }: (typeof runs)[number]): boolean =>
    questions.size === first!.questions.size && [...questions].every((one) => first!.questions.has(one))
  if (others.every(isSame)) return []
  const counts = runs.map(({ name, questions }) => `${name}: ${questions.size.toLocaleString('en')}`)
  return [
    `the runs were not evaluated on the same questions (${counts.join(', ')}): compare selectors within a run, not accuracies between runs`,
  ]
}

function factsBlock({ summary, facts = [] }: ReportRun): string {
  const notes = summary ? footnotes(summary).map((note) => `<li>${escapeHtml(note)}</li>`) : []
  const list = facts.map(({ label, value }) => `<dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd>`)
  return [
    ...(notes.length > 0 ? [`<ul>${notes.join('')}</ul>`] : []),
    ...(list.length > 0 ? [`<dl>${list.join('')}</dl>`] : []),
  ].join('\n')
}
