import { printableLine } from '@lever/terminal'
import type { Description } from './description.ts'
import { SHAPES, type Shape } from './shapes.ts'

/** A description as text for people. */
export function renderDescription(description: Description): string {
  const { rewards, oracle, pool, candidatesPerQuery: per } = description
  const shapes = Object.entries(description.shapes).map(
    ([shape, queries]) => `${shape} (${queries}): ${SHAPES[shape as Shape]}`,
  )
  const facts: (readonly [string, string])[] = [
    ['file', `${description.file ?? 'in memory'}${description.form === null ? '' : `, ${description.form}`}`],
    ...shapes.map((shape, i) => [i === 0 ? 'shape' : '', shape] as const),
    ['queries', `${description.queries}, ${description.emptyQueries} of them empty`],
    [
      'candidates',
      `${description.candidates}, ${per.min} to ${per.max} a query, mean ${per.mean.toFixed(2)}`,
    ],
    ['demonstrations', description.shots === null ? 'unknown' : `${description.shots}`],
    ['pool', `${pool.min} to ${pool.max}, mean ${pool.mean.toFixed(1)}, given for ${pool.given} queries`],
    [
      'positive',
      `${share(description.positiveShare)} of the candidates, ${description.queriesWithPositive} queries`,
    ],
    ...(description.positiveShare === null && description.expected !== null
      ? []
      : ([
          ['accuracy', accuracyText(description.accuracyBins)],
          ['oracle', `${share(oracle.best)}, mean ${share(oracle.mean)}`],
        ] as const)),
    ...oracle.perShots.map(
      ({ k, best, mean }) => [`  first ${k}`, `${share(best)}, mean ${share(mean)}`] as const,
    ),
    ...expectedFacts(description),
    ['reward mode', rewards.mode],
    [
      'groups',
      `${rewards.informative} informative, ${rewards.flat} flat, ${rewards.single} single, ${rewards.unusable} unusable`,
    ],
    ['zero variance', share(rewards.zeroVarianceShare)],
    [
      'different rewards',
      rewards.uniqueRewards.map(({ distinct, queries }) => `${distinct}: ${queries}`).join(', '),
    ],
    ['advantage std', number(rewards.expectedAdvantageStd)],
    ['uniform loss', number(description.uniformPolicyLoss)],
    ['duplicates', duplicatesText(description)],
    ['flags', flagsText(description)],
  ]
  const methods = [
    ['gen_method', 'count', 'positive', 'accuracy', ...(description.expected === null ? [] : ['expected'])],
    ...description.methods.map(({ method, count, positiveRate, meanAccuracy, meanExpected }) => [
      method,
      `${count}`,
      share(positiveRate),
      share(meanAccuracy),
      ...(description.expected === null ? [] : [share(meanExpected)]),
    ]),
  ]
  const modes = [
    ['vqa_eval_mode', 'count', 'share'],
    ...description.evalModes.map(({ mode, count, share: part }) => [mode, `${count}`, share(part)]),
  ]
  const warnings = Object.entries(description.warnings).map(([rule, count]) => `${count} ${rule}`)
  return [
    renderTable(facts, true),
    renderTable(methods),
    renderTable(modes),
    ...(warnings.length === 0 ? [] : [`warnings (validate lists them): ${warnings.join(', ')}`]),
    description.verdict.join('\n'),
  ].join('\n\n')
}

/** What was left out, by reason, one line each. */
export function renderDropped(dropped: ReadonlyMap<string, number>): string {
  return [...dropped]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, count]) => `left out: ${count} (${printableLine(reason)})`)
    .join('\n')
}

/** Aligned columns; the first to the left, the others to the right unless `text`. */
export function renderTable(cells: readonly (readonly string[])[], text = false): string {
  const rows = cells.map((row) => row.map(printableLine))
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 || text ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function expectedFacts({ expected }: Description): (readonly [string, string])[] {
  if (expected === null) return []
  const { candidates, without, mean, best, quartiles, within, between } = expected
  const { groups, flat, accuracyFlat, correlation, bounded } = expected
  const percent = (value: number): string => (100 * value).toPrecision(3)
  return [
    [
      'expected accuracy',
      `best ${share(best)}, mean ${share(mean)} (${candidates} candidates${without > 0 ? `, ${without} without` : ''}); quartiles ${quartiles.map(percent).join(', ')} %`,
    ],
    ['  spread', `${percent(within)} points within a query, ${percent(between)} between queries`],
    [
      '  flat',
      `${flat} of ${groups} groups${accuracyFlat === null ? '' : `, in accuracy ${accuracyFlat}`}` +
        (correlation === null ? '' : `; within-query correlation of the two ${correlation.toFixed(2)}`),
    ],
    ...(bounded === null
      ? []
      : [
          [
            '  human answers',
            `at most ${bounded.maxAnswers} scored; left out in ${bounded.queries} queries, mean ${share(bounded.mean)} of the humans, at most ${share(bounded.most)}`,
          ] as const,
        ]),
  ]
}

function accuracyText({ zero, low, high, one }: Description['accuracyBins']): string {
  return `0: ${zero}, below 0.5: ${low}, below 1: ${high}, 1: ${one}`
}

function duplicatesText({ duplicates }: Description): string {
  return `${duplicates.sameOrder} the same pointer (${duplicates.contradicting} with another accuracy), ${duplicates.sameSet} in another order`
}

function flagsText({ flags }: Description): string {
  const pending = flags.pending > 0 ? `, ${flags.pending} to be measured again (server or device failed)` : ''
  return `${flags.failed} failed${pending}, ${flags.derived} derived, ${flags.transferred} transferred`
}

function share(value: number | null): string {
  return value === null ? '-' : `${(100 * value).toFixed(1)} %`
}

function number(value: number | null): string {
  return value === null ? '-' : value.toFixed(3)
}
