import { formatP, percent, points } from '../../render/tables.ts'
import type { Summary } from '../../summary/types.ts'
import type { HtmlTable } from '../html.ts'
import { section, sortableTable } from '../html.ts'
import type { ReportInput } from '../types.ts'
import { captionOf, evaluatedRuns } from './common.ts'

/** Paired differences to the baselines and the share of the gap closed, a table each. */
export function differencesSection({ runs }: ReportInput): string {
  const tables = evaluatedRuns(runs).flatMap((run) => {
    const { summary } = run
    const own = [gapHtml(summary), ...summary.baselines.map((baseline) => comparisonHtml(summary, baseline))]
    return own.flatMap((table) =>
      table.rows.length > 0
        ? [sortableTable({ ...table, caption: captionOf(runs, run, table.caption) })]
        : [],
    )
  })
  return section('differences', 'Differences', tables.join('\n'))
}

function gapHtml({ gapClosed }: Summary): HtmlTable {
  return {
    caption: 'Share of the random-to-oracle gap closed, in per cent',
    header: ['selector', 'shots', 'gap closed', 'interval'],
    rows: gapClosed.map(({ selector, shots, value, ci }) => [
      { text: selector },
      { text: String(shots), value: shots },
      { text: value === null ? 'no gap' : percent(value), value },
      { text: ci === null ? '' : `[${percent(ci[0])}, ${percent(ci[1])}]` },
    ]),
  }
}

function comparisonHtml({ table }: Summary, baseline: string): HtmlTable {
  const all = table.flatMap((row) => row.comparisons).filter((c) => c.baseline === baseline)
  return {
    caption: `Difference to ${baseline} in points, paired by question`,
    header: ['selector', 'shots', 'points', 'interval', 'p', 'p (Holm)', 'McNemar p', 'detectable', 'n'],
    rows: all.map((c) => [
      { text: c.selector },
      { text: String(c.shots), value: c.shots },
      { text: points(c.delta), value: c.delta },
      { text: `[${points(c.ci[0])}, ${points(c.ci[1])}]` },
      { text: formatP(c.p), value: c.p },
      { text: formatP(c.pHolm), value: c.pHolm },
      { text: formatP(c.mcnemar.p), value: c.mcnemar.p },
      { text: c.detectable === null ? '' : percent(c.detectable), value: c.detectable },
      { text: String(c.n), value: c.n },
    ]),
  }
}
