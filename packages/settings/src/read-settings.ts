import { InputError, nearest } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { readSetting } from './read-setting.ts'
import type { Schema, Setting, Settings } from './schema.ts'

/** How messages name settings and where they were given. */
export interface ReadOptions {
  /** How a message calls a setting: `--pool-size` for `poolSize`. The name itself when left out. */
  readonly nameOf?: (name: string) => string
  /** Where a setting was given, for messages about its value. `nameOf` when left out. */
  readonly placeOf?: (name: string) => string
  /** What to do about a required setting that is missing. */
  readonly missing?: string
}

export const READ_OPTIONS: OptionNames<ReadOptions> = { nameOf: true, placeOf: true, missing: true }

/**
 * The settings of a schema: every given one checked, the others with their defaults.
 *
 * @throws InputError for an unknown name (with the nearest one), a wrong value, a required setting that is missing, and
 * a given one that has no effect beside the others
 */
export function readSettings<S extends Schema>(
  schema: S,
  given: Readonly<Record<string, unknown>>,
  options: ReadOptions = {},
): Settings<S> {
  refuseUnknownOptions(options, READ_OPTIONS, 'settings: readSettings')
  const { nameOf = (name: string) => name, placeOf = nameOf, missing = 'give it' } = options
  const names = Object.keys(given).filter((name) => given[name] !== undefined)
  for (const name of names) {
    if (Object.hasOwn(schema, name)) continue
    const near = nearest(name, Object.keys(schema))
    const remedy =
      near === undefined ? `choose one of ${Object.keys(schema).join(', ')}` : `did you mean ${near}?`
    throw new InputError(`${placeOf(name)} is not a setting; ${remedy}`)
  }
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(schema)) {
    if (names.includes(name)) values[name] = readSetting(setting, given[name], placeOf(name))
    else if (setting.required) throw new InputError(`${nameOf(name)} is missing; ${missing}`)
    else values[name] = setting.type === 'flag' ? (setting.default ?? false) : setting.default
  }
  for (const name of names) refuseWithoutEffect(name, schema[name]!, values, names, nameOf)
  return values as Settings<S>
}

function refuseWithoutEffect(
  name: string,
  { onlyWith = {}, notWith = {} }: Setting,
  values: Readonly<Record<string, unknown>>,
  given: readonly string[],
  nameOf: (name: string) => string,
): void {
  for (const [other, wanted] of Object.entries(onlyWith)) {
    const value = values[other]
    if (wanted === true) {
      if (given.includes(other) && value !== false) continue
      throw new InputError(
        `${nameOf(name)} has no effect without ${nameOf(other)}; give ${nameOf(other)}, or leave it out`,
      )
    }
    if ([value].flat().some((one) => wanted.includes(String(one)))) continue
    throw new InputError(
      `${nameOf(name)} applies only to ${nameOf(other)} ${wanted.join(' and ')}, and has no effect with ${nameOf(other)} ${String(value)}; leave it out`,
    )
  }
  for (const [other, why] of Object.entries(notWith)) {
    if (given.includes(other))
      throw new InputError(`${nameOf(name)} has no effect with ${nameOf(other)}; ${why}`)
  }
}
