import { formatTable } from '@lever/terminal'
import { escapeCell, renderMarkdown } from '../../render/markdown.ts'
import { renderText } from '../../render/text.ts'
import { comparisonsOf, resultsOf } from '../../run/results.ts'
import type { RewardDescription } from '../rewards.ts'
import type { Curve, Fact, PilotTables, ReportRun } from '../types.ts'
import type { RunContent } from './read-run.ts'

interface Written {
  readonly out: string
  readonly plots: readonly string[]
}

/** What `lever report --json` prints. Accuracies, shares and differences are in per cent and points. */
export function reportJson(contents: readonly RunContent[], written: Written): unknown {
  return {
    ...written,
    runs: contents.map(({ path, manifest, run }) => {
      const { name, summary, facts = [], warnings = [], curves = [], rewards, ranking, pilot } = run
      const { command, seed, versions } = manifest
      return {
        name,
        path,
        command,
        seed,
        versions,
        warnings,
        facts: Object.fromEntries(facts.map(({ label, value }) => [label, value])),
        ...(summary && {
          ...resultsOf(summary),
          comparisons: comparisonsOf(summary),
          questions: summary.questions,
          images: summary.images,
          detectable: summary.detectable,
          oracle: summary.oracle,
        }),
        ...(curves.length > 0 && { training: curves.flatMap(endsOf) }),
        ...(rewards && { rewards }),
        ...(ranking && { ranking }),
        ...(pilot && { pilot }),
      }
    }),
  }
}

/** The tables of runs for a terminal, and what was written. */
export function reportText(contents: readonly RunContent[], { out, plots }: Written): string {
  const blocks = contents.map(({ run }) => {
    const { name, summary, warnings = [], curves = [], rewards, ranking, pilot } = run
    return [
      ...(contents.length > 1 ? [`== ${name}`] : []),
      ...warnings.map((warning) => `warning: ${warning}`),
      ...(pilot ? [`verdict: ${pilot.verdict}`, ...pilotBlocks(pilot, formatTable)] : []),
      ...(summary ? [renderText(summary, { comparisons: contents.length === 1 }).trimEnd()] : []),
      ...(ranking
        ? [formatTable([ranking.header, ...ranking.rows], { left: ranking.text }), ranking.notes.join('\n')]
        : []),
      ...(curves.length > 0 ? [formatTable(trainingTable(curves), { left: 2 })] : []),
      ...(rewards ? [`${formatTable(rewardTable(rewards))}\n${flatText(rewards)}`] : []),
    ].join('\n\n')
  })
  const files = plots.length > 0 ? [`plots: ${plots.length} files like ${plots[0]!}`] : []
  return [...blocks, [`report: ${out}`, ...files].join('\n')].join('\n\n')
}

function pilotBlocks(
  { reasons, tables, notes }: PilotTables,
  table: (rows: readonly (readonly string[])[]) => string,
): string[] {
  const shown = tables.map(({ title, header, rows }) => `${title}\n\n${table([header, ...rows])}`)
  return [reasons.join('\n'), ...shown, notes.join('\n')]
}

/** The same as Markdown. */
export function reportMarkdown(contents: readonly RunContent[]): string {
  return contents
    .map(({ run }) => {
      const { name, summary, facts = [], warnings = [], curves = [], rewards, ranking, pilot } = run
      return [
        ...(contents.length > 1 ? [`## ${escapeCell(name)}`] : []),
        ...warnings.map((warning) => `> Warning: ${escapeCell(warning)}`),
        ...(pilot
          ? [
              `**${escapeCell(pilot.verdict)}**`,
              ...pilot.reasons.map(escapeCell),
              ...pilot.tables.map(({ title, header, rows }) => markdownTable(title, [header, ...rows])),
              ...pilot.notes.map(escapeCell),
            ]
          : []),
        ...(summary ? [renderMarkdown(summary).trimEnd()] : []),
        ...(ranking
          ? [
              markdownTable('Trainings, ranked on validation', [ranking.header, ...ranking.rows]),
              ranking.notes.map(escapeCell).join('\n\n'),
            ]
          : []),
        ...(curves.length > 0 ? [markdownTable('Training', trainingTable(curves))] : []),
        ...(rewards ? [markdownTable('Measured pointers', rewardTable(rewards)), flatText(rewards)] : []),
        facts.map(({ label, value }: Fact) => `- ${escapeCell(label)}: ${escapeCell(value)}`).join('\n'),
      ].join('\n\n')
    })
    .join('\n\n')
}

interface Ends {
  readonly curve: string
  readonly series: string
  readonly step: number
  readonly first: number
  readonly last: number
}

/** Where each line of a plot begins and ends. */
function endsOf({ name, series }: Curve): Ends[] {
  return series.flatMap(({ name: line, points }) => {
    const [first, last] = [points[0], points.at(-1)]
    return first && last ? [{ curve: name, series: line, step: last[0], first: first[1], last: last[1] }] : []
  })
}

function trainingTable(curves: NonNullable<ReportRun['curves']>): string[][] {
  const rows = curves
    .flatMap(endsOf)
    .map(({ curve, series, step, first, last }) => [
      curve,
      series,
      String(step),
      first.toFixed(3),
      last.toFixed(3),
    ])
  return [['curve', 'policy', 'steps', 'first', 'last'], ...rows]
}

function rewardTable({ methods }: RewardDescription): string[][] {
  const rows = methods.map(({ method, pointers, mean, positive }) => [
    method,
    String(pointers),
    (100 * mean).toFixed(1),
    (100 * positive).toFixed(1),
  ])
  return [['method', 'pointers', 'mean accuracy, %', 'positive, %'], ...rows]
}

function flatText({ queries, pointers, flat }: RewardDescription): string {
  const share = queries === 0 ? 0 : (100 * flat) / queries
  return `${pointers} pointers of ${queries} questions; in ${share.toFixed(1)} % all pointers of the question have the same accuracy.`
}

function markdownTable(title: string, [header = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`
  return [`**${title}**`, '', line(header), `|${' --- |'.repeat(header.length)}`, ...rows.map(line)].join(
    '\n',
  )
}
