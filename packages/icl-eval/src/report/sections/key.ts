import { formatP, percent, points } from '../../render/tables.ts'
import { BEST_BASELINE } from '../../summary/baselines.ts'
import type { Comparison, Summary, TableRow } from '../../summary/types.ts'
import { escapeHtml, withMinus } from '../html.ts'
import type { ReportInput } from '../types.ts'
import { shotsHeader } from './common.ts'

interface Figure {
  readonly label: string
  readonly value: string
  readonly note: string
}

/** The few figures that a reader wants first, of a report on one evaluation that is about one selector. */
export function keyFigures({ runs }: ReportInput): string {
  const [run, ...others] = runs
  const focus = run?.examples?.selectors[0]
  if (others.length > 0 || run?.summary === undefined || run.examples === undefined || focus === undefined)
    return ''
  const { shots } = run.examples
  const row = run.summary.table.find((one) => one.selector === focus && one.shots === shots)
  if (row?.accuracy == null || row.ci === null) return ''
  const figures = [
    {
      label: `${focus}, ${shotsHeader(shots)}`,
      value: `${percent(row.accuracy)} %`,
      note: between(row.ci, percent),
    },
    ...row.comparisons.map(difference),
    ...gapFigure(run.summary, row),
    ...detectableFigure(run.summary, row),
  ]
  if (figures.length === 1) return ''
  const items = figures.map(
    ({ label, value, note }) =>
      `<div><dt>${escapeHtml(label)}</dt><dd><strong>${escapeHtml(withMinus(value))}</strong> <small>${escapeHtml(withMinus(note))}</small></dd></div>`,
  )
  return `<dl class="key">${items.join('')}</dl>\n`
}

function difference({ baseline, role, delta, ci, pHolm }: Comparison): Figure {
  return {
    label: role === BEST_BASELINE ? `against the best baseline, ${baseline}` : `against ${baseline}`,
    value: `${points(delta)} points`,
    note: `${between(ci, points)}, p ${formatP(pHolm)} (Holm)`,
  }
}

function gapFigure({ gapClosed }: Summary, { selector, shots }: TableRow): Figure[] {
  const gap = gapClosed.find((one) => one.selector === selector && one.shots === shots)
  if (gap?.value == null || gap.ci === null) return []
  return [
    {
      label: `of the way from ${gap.from ?? 'random'} to the oracle`,
      value: `${percent(gap.value)} %`,
      note: between(gap.ci, percent),
    },
  ]
}

function detectableFigure({ questions, images }: Summary, { comparisons: [first] }: TableRow): Figure[] {
  if (first?.detectable == null) return []
  return [
    {
      label: `smallest difference to ${first.baseline} that this sample can show`,
      value: `${percent(first.detectable)} points`,
      note: `${questions.toLocaleString('en')} questions, ${images.toLocaleString('en')} images, 80 % power`,
    },
  ]
}

const between = ([low, high]: readonly [number, number], format: (value: number) => string): string =>
  `[${format(low)}, ${format(high)}]`
