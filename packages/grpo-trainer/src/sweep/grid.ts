import { InputError, isInputError } from '@lever/durable-files'
import type { Schema } from '@lever/settings'
import { flagOf, kebab, namesOf, readSettings, readYaml, unknownName } from '@lever/settings'

/** Options as they stand in the file, by name. */
type Given = ReadonlyMap<string, unknown>

/** One value of an axis and the options that it sets. */
interface Choice {
  readonly label: string
  readonly options: Given
}

/** A dimension of the grid. */
export interface Axis {
  readonly name: string
  readonly choices: readonly Choice[]
}

/** A grid file: what all cells share, the axes, and the options of the evaluation on test. */
export interface Grid {
  readonly base: Given
  readonly axes: readonly Axis[]
  /** Options of `lever evaluate`; undefined when the file has none. */
  readonly test: Given | undefined
}

/** One training of a grid. */
export interface GridCell {
  /** The value of every axis, in order. */
  readonly labels: readonly string[]
  /** Checked options of `lever train`, by camelCase name; undefined when one is wrong. */
  readonly options: Readonly<Record<string, unknown>> | undefined
  /** Why it cannot be trained. */
  readonly problem?: string
}

/** The axis over which a row of the table is repeated. */
export const REPEATED = 'seed'

/** Options whose lists add up over the base and the axes; of others the axis wins. */
const COLLECTED = 'set'

/** Most cells of a grid; a larger one is a slip, and would take its memory before it trained anything. */
const MAX_CELLS = 10_000

/** Options that a sweep sets itself. */
const OWN = ['out', 'policies', 'config', 'json', 'quiet', 'debug']

/**
 * Reads a grid: options of `lever train` that hold for all cells, under `grid` an axis per entry, under `test` options of
 * `lever evaluate`. An axis is a list of values of an option, or, under a name of its own, a map of names to options.
 *
 * @throws InputError naming the place, for a file that is not a grid, an unknown option, and one that two axes set
 */
export async function readGrid(path: string, train: Schema, evaluate: Schema): Promise<Grid> {
  const content = await readYaml(path, 'GRID')
  const names = namesOf(without(train))
  const { grid, test, ...shared } = Object.fromEntries(content)
  const axes = readAxes(mapAt(grid ?? new Map(), `${path}: grid`), names, path)
  if (axes.length === 0) {
    throw new InputError(`${path}: there is no grid; write an axis under "grid:", e.g. seed: [0, 1, 2]`)
  }
  const cells = axes.reduce((product, { choices }) => product * choices.length, 1)
  if (cells > MAX_CELLS) {
    const sizes = axes.map(({ name, choices }) => `${name} ${choices.length}`).join(' x ')
    throw new InputError(
      `${path}: the grid has ${cells.toLocaleString('en')} cells (${sizes}), more than ${MAX_CELLS.toLocaleString('en')}; leave out values, or split it into several files`,
    )
  }
  const place = `${path}: test`
  return {
    base: optionsOf(new Map(Object.entries(shared)), names, path),
    axes,
    test: test === undefined ? undefined : optionsOf(mapAt(test, place), namesOf(without(evaluate)), place),
  }
}

/** Every combination of the axes, the last one changing fastest. */
export function gridCells({ base, axes }: Grid, table: Schema): GridCell[] {
  let combinations: (readonly Choice[])[] = [[]]
  for (const { choices } of axes)
    combinations = combinations.flatMap((before) => choices.map((choice) => [...before, choice]))
  return combinations.map((choices) => {
    const labels = choices.map(({ label }) => label)
    try {
      const given = merge([base, ...choices.map(({ options }) => options)])
      return { labels, options: readGridOptions(given, table) }
    } catch (error) {
      if (!isInputError(error)) throw error
      return { labels, options: undefined, problem: error.message }
    }
  })
}

/**
 * Options with their defaults, checked, by camelCase name.
 * @throws InputError for a value that is wrong and an option that is missing
 */
export function readGridOptions(given: Given, table: Schema): Record<string, unknown> {
  return readSettings(without(table), Object.fromEntries(given), {
    nameOf: flagOf,
    missing: 'write it into the grid',
  })
}

/** The names of the axes besides the seed. */
export function gridAxes({ axes }: Grid): string[] {
  return axes.map(({ name }) => name).filter((name) => name !== REPEATED)
}

/** The options that a grid may set. */
function without(table: Schema): Schema {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !OWN.includes(name)))
}

function merge(maps: readonly Given[]): Given {
  const merged = new Map<string, unknown>()
  for (const map of maps) {
    for (const [name, value] of map) {
      const before = name === COLLECTED ? merged.get(name) : undefined
      merged.set(name, before === undefined ? value : [before, value].flat())
    }
  }
  return merged
}

function readAxes(
  grid: ReadonlyMap<string, unknown>,
  names: ReadonlyMap<string, string>,
  path: string,
): Axis[] {
  const axes = Array.from(grid, ([name, values]) => axisOf(name, values, names, path))
  const owner = new Map<string, string>()
  for (const { name, choices } of axes) {
    for (const option of new Set(choices.flatMap(({ options }) => [...options.keys()]))) {
      const other = owner.get(option)
      if (other !== undefined && option !== COLLECTED) {
        throw new InputError(
          `${path}: the axes ${other} and ${name} both set ${flagOf(option)}; keep it in one`,
        )
      }
      owner.set(option, name)
    }
  }
  return axes
}

function axisOf(name: string, values: unknown, names: ReadonlyMap<string, string>, path: string): Axis {
  const place = `${path}: grid: ${name}`
  if (values instanceof Map) {
    if (values.size === 0) throw new InputError(`${place} is empty; give it a value`)
    const choices = Array.from(values as Map<unknown, unknown>, ([label, options]) => ({
      label: String(label),
      options: optionsOf(mapAt(options ?? new Map(), `${place}: ${String(label)}`), names, place),
    }))
    return { name, choices }
  }
  const option = names.get(kebab(name))
  if (option === undefined) throw new InputError(`${path}: ${unknownName(name, names.keys())}`)
  if (!Array.isArray(values) || values.length === 0) {
    throw new InputError(`${place} must be a list of values of the option ${flagOf(option)}, such as [0, 1]`)
  }
  const choices = (values as unknown[]).map((value) => {
    if (value instanceof Map) {
      throw new InputError(`${place}: a value is a map; name the values, as in "${name}: { a: { ... } }"`)
    }
    const label = Array.isArray(value) ? value.join('+') : String(value)
    return { label, options: new Map([[option, value]]) }
  })
  const labels = choices.map(({ label }) => label)
  const twice = labels.find((label, i) => labels.indexOf(label) < i)
  if (twice !== undefined) throw new InputError(`${place}: ${twice} is given twice; keep one`)
  return { name: kebab(name), choices }
}

function optionsOf(
  given: ReadonlyMap<string, unknown>,
  names: ReadonlyMap<string, string>,
  place: string,
): Given {
  const options = new Map<string, unknown>()
  for (const [key, value] of given) {
    const name = names.get(kebab(key))
    if (name === undefined) throw new InputError(`${place}: ${unknownName(key, names.keys())}`)
    if (options.has(name)) throw new InputError(`${place}: "${key}" is given twice; keep one`)
    if (value instanceof Map)
      throw new InputError(`${place}: "${key}" is a map; give a value or a list, or move it under "grid:"`)
    if (value !== null) options.set(name, value)
  }
  return options
}

function mapAt(value: unknown, place: string): ReadonlyMap<string, unknown> {
  if (value instanceof Map) {
    return new Map(Array.from(value as Map<unknown, unknown>, ([key, one]) => [String(key), one]))
  }
  throw new InputError(`${place} must be a map; write lines like "name: value" below it`)
}
