import { count, percent } from '../../render/tables.ts'
import { escapeHtml, section, sortableTable } from '../html.ts'
import type { RewardDescription } from '../rewards.ts'
import { histogram } from '../svg/histogram.ts'
import type { ReportInput } from '../types.ts'
import { captionOf } from './common.ts'

/** Measured rewards per proposal method: distribution, positives, queries without variance. */
export function rewardsSection({ runs }: ReportInput): string {
  const blocks = runs.flatMap((run) =>
    run.rewards === undefined || run.rewards.pointers === 0
      ? []
      : [rewardsBlock(run.rewards, captionOf(runs, run, 'Measured pointers by proposal method'))],
  )
  return section('rewards', 'Measured rewards', blocks.join('\n'))
}

/** The distribution of (expected) accuracies of every proposal method as an SVG element. */
export function rewardCharts({
  measure,
  methods,
}: RewardDescription): { readonly name: string; readonly chart: string }[] {
  const max = methods.reduce((most, { bins }) => Math.max(most, ...bins), 0)
  return methods.map(({ method, bins }) => ({
    name: method,
    chart: histogram({
      title: `${measure === 'accuracy' ? 'Accuracy' : 'Expected accuracy'} of the pointers proposed by ${method}`,
      xLabel: measure,
      yLabel: 'pointers, %',
      bars: bins.map((share, bin) => ({ label: String(bin / 10), value: 100 * share })),
      max: 100 * max,
    }),
  }))
}

function rewardsBlock(rewards: RewardDescription, caption: string): string {
  const { measure, queries, pointers, flat, methods } = rewards
  const share = queries === 0 ? 0 : flat / queries
  const table = sortableTable({
    caption,
    header: ['method', 'pointers', `mean ${measure}, %`, 'positive, %'],
    rows: methods.map((method) => [
      { text: method.method },
      { text: method.pointers.toLocaleString('en'), value: method.pointers },
      { text: percent(method.mean), value: method.mean },
      { text: percent(method.positive), value: method.positive },
    ]),
  })
  const figures = rewardCharts(rewards).map(
    ({ name, chart }, i) =>
      `<figure><figcaption>${escapeHtml(name)} <small>${count(methods[i]!.pointers, 'pointer')}, ` +
      `${percent(methods[i]!.positive)} % positive</small></figcaption>${chart}</figure>`,
  )
  return (
    `${table}\n<p>${count(pointers, 'pointer')} of ${count(queries, 'question')}. In ${count(flat, 'question')} ` +
    `(${percent(share)} %, the zero-variance share) all pointers have the same ${measure}: these teach nothing. Positive: above 0.</p>\n` +
    `<div class="grid narrow">${figures.join('\n')}</div>`
  )
}
