import { formatTable } from '@lever/terminal'
import type { Estimate } from './estimate.ts'
import type { PilotReport } from './types.ts'

/** A pilot as sentences and tables, for whatever shows it. */
export interface PilotTables {
  readonly verdict: string
  readonly reasons: readonly string[]
  readonly tables: readonly {
    readonly title: string
    readonly header: readonly string[]
    readonly rows: readonly (readonly string[])[]
  }[]
  /** What a gain needs, and what is recommended. */
  readonly notes: readonly string[]
}

/** The figures of a pilot with their intervals; the verdict comes first. */
export function pilotTables(report: PilotReport): PilotTables {
  const { queries, groupSize, shots, methods, rewards, needed, recommendation: said } = report
  const known = (value: Estimate | null | undefined, format: (estimate: Estimate) => string): string =>
    value == null ? '-' : format(value)
  const rows = [
    ['flat groups, %', ...rewards.map(({ flat }) => percent(flat))],
    ['variance of the query, %', ...rewards.map(({ components }) => percent(components.query))],
    ['of the demonstration, %', ...rewards.map(({ components }) => percent(components.demonstration))],
    ['of the rest, %', ...rewards.map(({ components }) => percent(components.rest))],
    [
      'same under the other wording, r',
      ...rewards.map(({ reliability }) => known(reliability?.correlation, ratio)),
    ],
    ['gain that carries over, %', ...rewards.map(({ reliability }) => known(reliability?.carried, percent))],
    [
      'predicted of the variance within, %',
      ...rewards.map(({ predictable }) => known(predictable?.r2, percent)),
    ],
    ['gain that is not luck, points', ...rewards.map(({ headroom }) => known(headroom, percent))],
  ]
  const plural = shots === 1 ? '' : 's'
  return {
    verdict: said.verdict,
    reasons: said.reasons,
    tables: [
      {
        title: `${queries} queries with ${groupSize.toFixed(1)} choices of ${shots} demonstration${plural} on average; 95 % intervals`,
        header: ['', ...rewards.map(({ reward }) => reward.replaceAll('_', ' '))],
        rows,
      },
      {
        title: 'how demonstrations were chosen',
        header: ['', 'queries', 'accuracy, %', 'expected accuracy, %'],
        rows: methods.map(({ method, queries: n, accuracy, expected }) => [
          method,
          String(n),
          known(accuracy, percent),
          known(expected, percent),
        ]),
      },
    ],
    notes: [
      ...(needed === null
        ? []
        : [
            `test questions for 80 % power, against blind choices: ${needed.map(({ gain, questions }) => `${100 * gain} point${gain === 0.01 ? '' : 's'} ${count(questions.value)} [${count(questions.low)}, ${count(questions.high)}]`).join(', ')}; twice as many against another single choice`,
          ]),
      `recommended: reward ${said.reward}, pool ${said.pool}, ${said.groupSize} choices a query, ${count(said.trainingQueries)} training queries: ${count(said.prompts)} prompts${costs(said)}`,
    ],
  }
}

/** A pilot as text for people; the verdict comes first. */
export function formatPilot(report: PilotReport): string {
  const { verdict, reasons, tables, notes } = pilotTables(report)
  return [
    `verdict: ${verdict}`,
    ...reasons.map((reason) => `  ${reason}`),
    ...tables.flatMap(({ title, header, rows }) => ['', title, '', formatTable([header, ...rows])]),
    '',
    ...notes,
  ].join('\n')
}

function costs({ hours, money }: PilotReport['recommendation']): string {
  if (hours === null) return ''
  return `, ${hours < 0.1 ? `${(60 * hours).toFixed(1)} minutes` : `${hours.toFixed(1)} hours`} at the measured speed${money === null ? '' : `, cost ${money.toFixed(2)}`}`
}

const count = (value: number): string => value.toLocaleString('en')

function percent({ value, low, high }: Estimate): string {
  return figures({ value, low, high }, 100, 1)
}

function ratio(estimate: Estimate): string {
  return figures(estimate, 1, 2)
}

function figures({ value, low, high }: Estimate, times: number, digits: number): string {
  const of = (one: number): string => (times * one).toFixed(digits)
  return `${of(value)} [${of(low)}, ${of(high)}]`
}
