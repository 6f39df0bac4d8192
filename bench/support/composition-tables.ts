import type { CompositionFigures, Difference, Evaluated, Row } from '../composition.ts'

const SHOTS = [1, 2, 3, 4]
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
const one = (value: number): string => value.toFixed(1)
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const interval = ([low, high]: readonly [number, number]): string => `[${one(low)}, ${one(high)}]`
const signed = (value: number): string => (value < 0 ? one(value) : `+${one(value)}`)
const spread = (values: readonly number[]): string =>
  `${one(mean(values))} (${one(Math.min(...values))} to ${one(Math.max(...values))})`

const rowOf = ({ table: rows }: Evaluated, selector: string, shots: number): Row | undefined =>
  rows.find((row) => row.selector === selector && row.shots === shots)

/** The tables of the composition world in Markdown. */
export function compositionTables(figures: CompositionFigures): string {
  return [baselines(figures), worlds(figures), learners(figures), differences(figures)].join('\n\n')
}

function baselines({ worlds: { bundled } }: CompositionFigures): string {
  const names = [...new Set(bundled!.table.map(({ selector }) => selector))]
  const shots = [0, ...SHOTS]
  const cell = (name: string, k: number): string => {
    const row = rowOf(bundled!, name, k)
    return row === undefined ? '' : `${one(row.accuracy)} ${interval(row.ci)}`
  }
  const rows = names.map((name) => [name, ...shots.map((k) => cell(name, k))])
  return table(['selector', ...shots.map(String)], rows)
}

function worlds({ worlds: all }: CompositionFigures): string {
  const names = [...new Set(all['bundled']!.table.map(({ selector }) => selector))]
  const cells = (name: string, k: number): string[] =>
    Object.values(all).map((world) => {
      const row = rowOf(world, name, k)
      return row === undefined ? '' : one(row.accuracy)
    })
  const header = ['selector', ...[1, 2, 4].flatMap((k) => Object.keys(all).map((world) => `${world}, ${k}`))]
  const shown = names.filter((name) => rowOf(all['bundled']!, name, 2) !== undefined)
  return table(
    header,
    shown.map((name) => [name, ...[1, 2, 4].flatMap((k) => cells(name, k))]),
  )
}

const recipesAt = ({ names }: CompositionFigures, prompts: (count: number) => boolean): string[] => [
  ...new Set(names.filter((row) => prompts(row.prompts)).map(({ recipe }) => recipe)),
]
const accuracies = (
  { names, policies }: CompositionFigures,
  recipe: string,
  prompts: number,
  shots: number,
): number[] =>
  names
    .filter((row) => row.recipe === recipe && row.prompts === prompts)
    .map(({ name }) => rowOf(policies, name, shots)!.accuracy)

function learners(figures: CompositionFigures): string {
  const full = (count: number): boolean => count === figures.prompts || count === 0
  const rows = recipesAt(figures, full).map((recipe) => {
    const count = figures.names.find((row) => row.recipe === recipe && full(row.prompts))!.prompts
    return [recipe, ...SHOTS.map((k) => spread(accuracies(figures, recipe, count, k)))]
  })
  return table(['policy, three seeds', ...SHOTS.map(String)], rows)
}

function differences(figures: CompositionFigures): string {
  const { names, policies, prompts } = figures
  const found = (name: string): Difference | undefined =>
    policies.comparisons.find((row) => row.selector === name && row.shots === 2 && row.baseline !== 'random')
  const rows = recipesAt(figures, (count) => count === prompts || count === 0).map((recipe) => [
    recipe,
    ...names
      .filter((row) => row.recipe === recipe && (row.prompts === prompts || row.prompts === 0))
      .map(({ name }) => found(name)!)
      .map(({ delta, ci }) => `${signed(delta)} ${interval(ci)}`),
  ])
  const against = [...new Set(names.map(({ name }) => found(name)?.baseline))].filter(Boolean).join(', ')
  return table([`minus ${against}, 2 shots`, 'seed 0', '1', '2'], rows)
}
