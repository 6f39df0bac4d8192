import { InputError } from './input-error.ts'
import { nearest } from './nearest.ts'

export { nearest }

/** The name of every option of T. The compiler refuses a table that lacks one, and one that T does not have. */
export type OptionNames<T> = { readonly [K in keyof T]-?: true }

/**
 * Refuses an option that does not exist, which would have no effect: one with a typing error above all.
 *
 * @param names every option there is, as a table of {@link OptionNames}; of the own properties of `options`, those that are undefined do not count
 * @param where the package and the function, as in `reward-utils: computeReward`
 * @throws InputError that names the option, where it was given, and the nearest one that exists
 */
export function refuseUnknownOptions(
  options: object | undefined,
  names: Readonly<Record<string, true>>,
  where: string,
): void {
  refuseUnknownNames(options, Object.keys(names), where)
}

/**
 * As {@link refuseUnknownOptions}, for options whose names are known only at run time.
 * @throws InputError that names the option, where it was given, and the nearest one that exists
 */
export function refuseUnknownNames(options: unknown, names: readonly string[], where: string): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null) {
    throw new InputError(
      `${where} takes its options as an object, got ${typeof options === 'string' ? options : JSON.stringify(options)}`,
    )
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || names.includes(name)) continue
    throw new InputError(`${where} has no option "${name}"; ${remedyForName(name, names)}`)
  }
}

/** What to do about a name that does not exist: "did you mean ...?" where one is near, else the names there are. */
export function remedyForName(name: string, names: readonly string[]): string {
  const near = nearest(name, names)
  if (near !== undefined) return `did you mean ${near}?`
  return names.length === 0 ? 'there is none' : `choose one of ${names.join(', ')}`
}

/** The options that a function takes, out of those of a caller that has more. */
export function pickOptions<T extends object>(options: T, names: OptionNames<T>): T {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(names, name))) as T
}
