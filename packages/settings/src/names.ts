import type { Schema } from './schema.ts'

/** `--rce_epochs=5` as `--rce-epochs=5`: every long flag of the Python original is accepted. */
export function normaliseFlags(args: readonly string[]): string[] {
  const end = args.indexOf('--')
  return args.map((arg, i) => {
    if (!arg.startsWith('--') || (end >= 0 && i >= end)) return arg
    const [name = '', ...value] = arg.split('=')
    return [kebab(name), ...value].join('=')
  })
}

/** `rce_epochs` as `rce-epochs`. */
export function kebab(name: string): string {
  return name.replaceAll('_', '-')
}

/** Every name and alias of a schema's settings, in kebab-case, with the setting's own name. */
export function namesOf(schema: Schema): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(schema).flatMap(([name, { aliases = [] }]) =>
      [flagOf(name), ...aliases].map((known): [string, string] => [known, name]),
    ),
  )
}

/** `rceEpochs` as `rce-epochs`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
