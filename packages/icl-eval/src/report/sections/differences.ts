import { count, formatP, gapRoles, percent, points, TOO_FEW } from '../../render/tables.ts'
import { ENUMERATED_CLUSTERS } from '../../statistics/sign-flip.ts'
import { BEST_BASELINE } from '../../summary/baselines.ts'
import type { Comparison, Summary } from '../../summary/types.ts'
import type { Cell, HtmlTable } from '../html.ts'
import { escapeHtml, section, sortableTable } from '../html.ts'
import type { ReportInput } from '../types.ts'
import { captionOf, distinct, evaluatedRuns, shotsHeader } from './common.ts'

/** Paired differences to the baselines and the share of the gap closed, a row per selector; then every test. */
export function differencesSection({ runs }: ReportInput): string {
  const parts = evaluatedRuns(runs).flatMap((run) => {
    const { summary } = run
    const tables = [
      ...gapRoles(summary).map((role) => gapTable(summary, role)),
      ...summary.baselines.map((baseline) => baselineTable(summary, baseline)),
      ...(summary.expected ? [baselineTable(summary.expected, BEST_BASELINE, 'Difference of E')] : []),
      ...splitTables(summary),
    ]
    const shown = tables.flatMap((table) =>
      table.rows.length > 0
        ? [sortableTable({ ...table, caption: captionOf(runs, run, table.caption) })]
        : [],
    )
    const tests = testTable(summary)
    return tests.rows.length === 0
      ? shown
      : [...shown, details(captionOf(runs, run, tests.caption), tests, summary)]
  })
  return section('differences', 'Differences', parts.join('\n'))
}

/** What a difference to the best baseline is worth, and a share of the gap from it. */
const CORRECTED = 'picked on these very questions; interval and p are corrected for the choice'
const PICKED = 'picked on these very questions, which favours it'

/** One row per selector, one column per number of shots. */
function pivot<T extends { readonly selector: string; readonly shots: number }>(
  caption: string,
  values: readonly T[],
  cell: (value: T) => Cell,
): HtmlTable {
  const shots = distinct(values.map((value) => value.shots)).sort((a, b) => a - b)
  return {
    caption,
    header: ['selector', ...shots.map(shotsHeader)],
    rows: distinct(values.map(({ selector }) => selector)).map((selector) => [
      { text: selector },
      ...shots.map((k) => {
        const value = values.find((one) => one.selector === selector && one.shots === k)
        return value === undefined ? { text: '' } : cell(value)
      }),
    ]),
  }
}

function gapTable({ gapClosed }: Summary, role: string): HtmlTable {
  const rows = gapClosed.filter((row) => (row.role ?? 'random') === role)
  const start = role === BEST_BASELINE ? `the best baseline (${startsOf(rows)}; ${PICKED})` : role
  return pivot(`Share of the gap from ${start} to the oracle closed, in per cent`, rows, ({ value, ci }) => ({
    text: value === null ? 'no gap' : ci === null ? TOO_FEW : percent(value),
    value: ci === null ? null : value,
    ...(ci !== null && { note: `[${percent(ci[0])}, ${percent(ci[1])}]` }),
  }))
}

function baselineTable({ table }: Pick<Summary, 'table'>, baseline: string, what = 'Difference'): HtmlTable {
  const all = comparisonsOf(table).filter((one) => (one.role ?? one.baseline) === baseline)
  return pivot(
    `${what} to ${baseline === BEST_BASELINE ? `the best baseline (${startsOf(all.map((one) => ({ ...one, from: one.baseline })))}; ${CORRECTED})` : baseline} in points, paired by question; n.s. (not significant): p is 0.05 or more after Holm, who corrects it for the number of comparisons`,
    all,
    ({ delta, ci, pHolm }) => ({
      text: points(delta),
      value: delta,
      note: `[${points(ci[0])}, ${points(ci[1])}]${pHolm < 0.05 ? '' : ' n.s.'}`,
      ...(pHolm >= 0.05 && { quiet: true }),
    }),
  )
}

/** The two parts of the gains over random. */
function splitTables({ split = [] }: Summary): HtmlTable[] {
  const of = (caption: string, part: 'independent' | 'chosen'): HtmlTable =>
    pivot(caption, split, (row) => ({
      text: points(row[part].delta),
      value: row[part].delta,
      note: `[${points(row[part].ci[0])}, ${points(row[part].ci[1])}]`,
    }))
  return [
    of(
      'Gain over random for any query, in points: the choices of the policy shuffled over the queries',
      'independent',
    ),
    of('Gain by choosing for the query, in points: over its choices shuffled over the queries', 'chosen'),
  ]
}

/** The best baseline at each number of shots, in words. */
function startsOf(rows: readonly { readonly shots: number; readonly from?: string }[]): string {
  const byShots = new Map(rows.map(({ shots, from = '' }) => [shots, from]))
  const names = distinct(Array.from(byShots.values()))
  if (names.length === 1) return names[0]!
  return Array.from(byShots, ([shots, from]) => `${from} at ${count(shots, 'shot')}`).join(', ')
}

function testTable({ table }: Summary): HtmlTable {
  return {
    caption: 'Every comparison with its tests',
    header: [
      'selector',
      'baseline',
      'shots',
      'points',
      'interval',
      'p',
      'p (Holm)',
      'McNemar p',
      'detectable',
      'n',
    ],
    rows: comparisonsOf(table).map((one) => [
      { text: one.selector },
      { text: one.baseline },
      { text: String(one.shots), value: one.shots },
      { text: points(one.delta), value: one.delta },
      { text: `[${points(one.ci[0])}, ${points(one.ci[1])}]`, value: one.ci[0] },
      { text: formatP(one.p), value: one.p },
      { text: formatP(one.pHolm), value: one.pHolm },
      { text: one.mcnemar === null ? '' : formatP(one.mcnemar.p), value: one.mcnemar?.p ?? null },
      { text: one.detectable === null ? '' : percent(one.detectable), value: one.detectable },
      { text: String(one.n), value: one.n },
    ]),
  }
}

function details(caption: string, tests: HtmlTable, { resamples, table, images }: Summary): string {
  const family = comparisonsOf(table).length
  const exact = images <= ENUMERATED_CLUSTERS
  const flips = exact ? `all ${(2 ** images).toLocaleString('en')}` : resamples.toLocaleString('en')
  const least = exact ? 2 / 2 ** images : 1 / (resamples + 1)
  return (
    `<details><summary>${escapeHtml(caption)}: p, McNemar, smallest detectable difference</summary>\n` +
    `${sortableTable({ ...tests, caption })}\n` +
    `<p>p: sign flips of the paired differences, image by image, ${flips} of them. Holm: over all ` +
    `${count(family, 'comparison')}, so no adjusted p is below ${formatP(Math.min(1, family * least))}. McNemar: ` +
    'exact, an accuracy of 0.5 or more counts as right; not for selectors that draw, whose accuracies are means over seeds. Detectable: the smallest true difference, in points, ' +
    'found with 80 % power at 5 %.</p></details>'
  )
}

function comparisonsOf(table: Summary['table']): readonly Comparison[] {
  return table.flatMap((row) => row.comparisons)
}
