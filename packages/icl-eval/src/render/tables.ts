import type { Interval } from '../statistics/interval.ts'
import type { Spread } from '../statistics/spread.ts'
import { BEST_BASELINE } from '../summary/baselines.ts'
import type { Comparison, GapRow, Part, Summary } from '../summary/types.ts'

/** A table of strings, to be laid out by a renderer. The first column is text, the others are figures. */
export interface TextTable {
  readonly title: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** 0.5731 as `57.3`; never `-0.0`. */
export const percent = (value: number): string => (100 * value).toFixed(1).replace(/^-(0\.0)$/, '$1')

/** A difference in points with its sign: 0.031 as `+3.1`. */
export const points = (value: number): string => {
  const text = percent(value)
  return text === '0.0' || text.startsWith('-') ? text : `+${text}`
}

/** `1 shot`, `2 shots`. */
export const count = (n: number, noun: string): string =>
  `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`

const range = ([low, high]: Interval, format: (value: number) => string): string =>
  `[${format(low)}, ${format(high)}]`

/** p with three digits; below 0.001 as `<0.001`. */
export const formatP = (p: number): string => (p < 0.001 ? '<0.001' : p.toFixed(3))

/** Accuracy (or E) in per cent with its interval, a row per selector, a column per number of shots. */
export function accuracyTable(
  { table, level }: Pick<Summary, 'table' | 'level'>,
  what = 'Accuracy',
): TextTable {
  const shots = distinct(table.map((row) => row.shots)).sort((a, b) => a - b)
  const rows = distinct(table.map((row) => row.selector)).map((selector) => [
    selector,
    ...shots.map((k) => {
      const row = table.find((candidate) => candidate.selector === selector && candidate.shots === k)
      if (row === undefined) return ''
      return row.accuracy === null || row.ci === null
        ? 'failed'
        : `${percent(row.accuracy)} ${range(row.ci, percent)}`
    }),
  ])
  return {
    title: `${what} in per cent [${formatLevel(level)} interval]`,
    header: ['selector', ...shots.map((k) => count(k, 'shot'))],
    rows,
  }
}

/** Differences to one baseline in points, with interval and Holm-adjusted p. */
export function comparisonTable(
  { table, level }: Pick<Summary, 'table' | 'level'>,
  baseline: string,
  what = 'Difference',
): TextTable {
  const all = table.flatMap((row) => row.comparisons).filter((c) => (c.role ?? c.baseline) === baseline)
  const named = baseline === BEST_BASELINE
  const row = (c: Comparison): string[] => [
    c.selector,
    String(c.shots),
    ...(named ? [c.baseline] : []),
    points(c.delta),
    range(c.ci, points),
    formatP(c.p),
    formatP(c.pHolm),
    c.detectable === null ? '' : percent(c.detectable),
    String(c.n),
  ]
  return {
    title: `${what} to ${named ? 'the best baseline' : baseline} in points [${formatLevel(level)} interval, paired]`,
    header: [
      'selector',
      'shots',
      ...(named ? ['against'] : []),
      'points',
      'interval',
      'p',
      'p (Holm)',
      'can show',
      'n',
    ],
    rows: all.map(row),
  }
}

/** In place of a share of the gap that this sample cannot give. */
export const TOO_FEW = 'too few'

/** Where the gaps of a summary begin, in its order. */
export function gapRoles({ gapClosed }: Summary): string[] {
  return distinct(gapClosed.map(({ role = 'random' }) => role))
}

/** The share of the gap from `role` to the oracle that is closed, in per cent. */
export function gapTable(summary: Summary, role: string): TextTable {
  const { level } = summary
  const gapClosed = summary.gapClosed.filter((row) => (row.role ?? 'random') === role)
  const shots = distinct(gapClosed.map((row) => row.shots)).sort((a, b) => a - b)
  return {
    title: `Share of the gap from ${role === BEST_BASELINE ? 'the best baseline' : role} to the oracle closed, in per cent [${formatLevel(level)} interval]`,
    header: ['selector', ...shots.map((k) => count(k, 'shot') + startOf(gapClosed, role, k))],
    rows: distinct(gapClosed.map((row) => row.selector)).map((selector) => [
      selector,
      ...shots.map((k) => {
        const row = gapClosed.find((candidate) => candidate.selector === selector && candidate.shots === k)
        if (row === undefined) return ''
        if (row.value === null) return 'no gap'
        return row.ci === null ? TOO_FEW : `${percent(row.value)} ${range(row.ci, percent)}`
      }),
    ]),
  }
}

/** Which baseline is the best one at a number of shots, for a header. */
function startOf(rows: readonly GapRow[], role: string, shots: number): string {
  const from = rows.find((row) => row.shots === shots)?.from
  return role === BEST_BASELINE && from !== undefined ? ` (${from})` : ''
}

/** Gains over random in points, split into what is gained for any query and what is chosen for the query. */
export function splitTable({ split = [], level }: Summary): TextTable {
  const part = ({ delta, ci }: Part): string => `${points(delta)} ${range(ci, points)}`
  return {
    title: `Gain over random in points, split: for any query (choices shuffled over the queries), and chosen for the query [${formatLevel(level)} interval, paired]`,
    header: ['selector', 'shots', 'gain', 'for any query', 'chosen for it'],
    rows: split.map(({ selector, shots, gain, independent, chosen }) => [
      selector,
      String(shots),
      part(gain),
      part(independent),
      part(chosen),
    ]),
  }
}

/** What a reader must know to read the table: sample, power, oracle, scoring. */
export function footnotes(summary: Summary): string[] {
  const { questions, images, detectable, oracle, modes, resamples, table } = summary
  const seeds = table.flatMap((row) => (row.seeds ? [row.seeds] : []))
  return [
    `n = ${count(questions, 'question')} on ${count(images, 'image')}; intervals by ${resamples.toLocaleString('en')} paired ` +
      'bootstrap resamples of images.',
    ...(seeds.length > 0 ? [seedsNote(seeds)] : []),
    ...(detectable === null
      ? []
      : [
          `Half of the comparisons can show a true difference of ${percent(detectable)} points or less (80 % power at 5 %); ` +
            '"can show" has the figure of each, and smaller ones may go unseen.',
        ]),
    ...bestNote(summary),
    ...priceNote(summary),
    ...shuffleNote(summary),
    ...intervalNotes(summary),
    ...(summary.expected === undefined
      ? []
      : [
          'E: the sum over the human answers of accuracy x probability under the model; none where an answer took no prompt or several.',
        ]),
    ...oracle.map(
      ({ shots, how, scope, measured, atBest }) =>
        `oracle at ${count(shots, 'shot')}: ${how}${how === 'maximum reached' ? '' : scope === 'library' ? ' over the library' : ' in the pools'}, ${count(measured, 'sequence')} measured, ` +
        `${atBest} of ${count(questions, 'question')} at the accuracy of their best human answer.`,
    ),
    ...(modes.fallback > 0
      ? [`Scored by the string fallback, not officially: ${count(modes.fallback, 'answer')}.`]
      : []),
    ...(modes.error > 0 ? [`Failed and counted nowhere: ${count(modes.error, 'answer')}.`] : []),
    ...partialNote(summary),
  ]
}

/** How differences to the best baseline take into account that it was picked on the evaluated questions. */
function bestNote({ table }: Summary): string[] {
  const isPicked = table.some(({ comparisons }) => comparisons.some(({ role }) => role === BEST_BASELINE))
  return isPicked
    ? [
        'The best baseline is the most accurate one on these very questions, at each number of shots. Intervals and p of the differences to it hold for whichever baseline is truly the best (corrected for the choice among all of them); the differences themselves are rather too small than too large, and the shares of the gap from it are not corrected.',
      ]
    : []
}

/** What answers cost that take not one prompt each. */
function priceNote({ table }: Summary): string[] {
  const others = table.filter(({ prompts }) => prompts !== undefined)
  if (others.length === 0) return []
  const named = distinct(others.map(({ selector }) => selector)).map((selector) => {
    const all = table.filter((row) => row.selector === selector)
    const own = others.filter((row) => row.selector === selector)
    const each = distinct(own.map(({ prompts }) => String(Number(prompts!.toFixed(1)))))
    const isOne = each.length === 1 && own.length === all.length
    return `${selector} ${each.join(', ')}${isOne ? '' : ` at ${own.map(({ shots }) => shots).join(', ')} shots`}`
  })
  return [`Prompts an answer: ${named.join('; ')}; all others 1.`]
}

/** How often choices were shuffled over the questions. */
function shuffleNote({ split = [] }: Summary): string[] {
  const seeds = distinct(split.flatMap((row) => [...row.seeds]))
  if (seeds.length === 0) return []
  const often = seeds.length === 1 ? 'once' : `${seeds.length} times`
  return [
    `Choices shuffled over the questions ${often} (seed${seeds.length === 1 ? '' : 's'} ${seeds.join(', ')}), to questions about other images.`,
  ]
}

/** Cells that are named when they are not about all questions. */
const NAMED_CELLS = 8

/** Which figures are about a part of the questions only. */
function partialNote({ table, questions }: Summary): string[] {
  const partial = table.filter(({ n }) => n > 0 && n < questions)
  if (partial.length === 0) return []
  const named = partial
    .slice(0, NAMED_CELLS)
    .map(({ selector, shots, n }) => `${selector} at ${count(shots, 'shot')} on ${n.toLocaleString('en')}`)
  const more = partial.length > NAMED_CELLS ? [`${partial.length - NAMED_CELLS} more`] : []
  return [
    `Not about all questions: ${[...named, ...more].join(', ')}; compare these by their paired differences alone.`,
  ]
}

/** From so many images on, intervals hold what they promise within about two per cent. */
const MANY_IMAGES = 20

/** Where the intervals of this summary say less than they seem to. */
function intervalNotes({ table, gapClosed, level }: Summary): string[] {
  const measured = table.filter(({ n }) => n > 0)
  const fewest = least(measured.map(({ images }) => images))
  const flat = measured.filter(({ ci }) => ci !== null && ci[1] - ci[0] < 1e-12)
  const fewestFlat = least(flat.map(({ images }) => images))
  return [
    ...(fewest < MANY_IMAGES
      ? [
          `Some figures are about ${count(fewest, 'image')} only; below ${MANY_IMAGES} the intervals are too narrow, so go by p.`,
        ]
      : []),
    ...(flat.length > 0
      ? [
          `An interval without width means equal accuracies, not certainty: with ${count(fewestFlat, 'image')} the truth may be ` +
            `up to ${percent(Math.min(1, 3 / fewestFlat))} points away (the rule of three).`,
        ]
      : []),
    ...(gapClosed.some(({ value, ci }) => value !== null && ci === null)
      ? [
          `"${TOO_FEW}": too few questions make the gap for a share of it (more than ${percent((1 - level) / 2)} % of the resamples have none).`,
        ]
      : []),
  ]
}

function seedsNote(seeds: readonly Spread[]): string {
  const sds = seeds.flatMap(({ sd }) => sd ?? [])
  const range = [least(sds), most(sds)].map(percent)
  const spread = new Set(range).size === 1 ? range[0]! : range.join(' to ')
  const text = sds.length === 0 ? '' : `; standard deviation over seeds ${spread} points`
  return `Seeded selectors: mean of ${count(most(seeds.map(({ n }) => n)), 'seed')}${text}.`
}

export const formatLevel = (level: number): string => `${Number((100 * level).toFixed(2))} %`

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity)
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity)

function distinct<T>(values: readonly T[]): T[] {
  return Array.from(new Set(values))
}
