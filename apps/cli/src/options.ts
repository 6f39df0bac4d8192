import { InputError } from '@lever/durable-files'

/** A flag of a command, which may stand in a configuration file under the same name. */
export interface Option<T> {
  readonly kind: 'flag' | 'text' | 'number' | 'list'
  readonly describe: string
  readonly required: boolean
  readonly fallback: T
  readonly choices?: readonly string[]
  /** Other names, such as those of the Python original. */
  readonly aliases: readonly string[]
  /** Default as help shows it. */
  readonly shown?: string
  /** Checks a value from the command line or from YAML. @throws InputError */
  readonly parse: (value: unknown, flag: string) => T
}

/** Options by kebab-case name. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S

/** What a command is given: camelCase names, checked values. */
export type Values<O extends OptionTable> = {
  readonly [K in keyof O & string as Camel<K>]: O[K] extends Option<infer T> ? T : never
}

interface Common {
  readonly aliases?: readonly string[]
  readonly shown?: string
}
interface Maybe extends Common {
  readonly required?: false
}
interface Required extends Common {
  readonly required: true
}
interface Default<T> extends Common {
  readonly default: T
}
type Settings<T> = Maybe | Required | Default<T>

function option<T>(
  kind: Option<T>['kind'],
  describe: string,
  settings: Settings<T>,
  parse: Option<T>['parse'],
  choices?: readonly string[],
): Option<T> {
  const fallback = 'default' in settings ? settings.default : undefined
  const shown =
    settings.shown ?? (fallback === undefined || fallback === false ? undefined : String(fallback))
  return {
    kind,
    describe,
    required: 'required' in settings && settings.required,
    fallback: fallback as T,
    aliases: settings.aliases ?? [],
    parse,
    ...(choices && { choices }),
    ...(shown !== undefined && { shown }),
  }
}

/** On or off: `--name`, `--no-name`. */
export function flag(describe: string, settings: Default<boolean> | Maybe = {}): Option<boolean> {
  return option('flag', describe, { default: false, ...settings }, (value, name) => {
    if (typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    throw wrong(name, value, 'true or false')
  })
}

export function text(describe: string, settings: Required | Default<string>): Option<string>
export function text(describe: string, settings?: Maybe): Option<string | undefined>
export function text(
  describe: string,
  settings: Settings<string> = {},
): Option<string> | Option<string | undefined> {
  return option<string>('text', describe, settings, parseText)
}

export function choice<const T extends string>(
  describe: string,
  choices: readonly T[],
  settings: Required | Default<NoInfer<T>>,
): Option<T>
export function choice<const T extends string>(
  describe: string,
  choices: readonly T[],
  settings?: Maybe,
): Option<T | undefined>
export function choice<const T extends string>(
  describe: string,
  choices: readonly T[],
  settings: Settings<T> = {},
): Option<T> | Option<T | undefined> {
  return option<T>(
    'text',
    describe,
    settings,
    (value, name) => oneOf(parseText(value, name), name, choices),
    choices,
  )
}

export interface NumberLimits {
  readonly min?: number
  readonly max?: number
  readonly whole?: boolean
}

export function number(
  describe: string,
  settings: (Required | Default<number>) & NumberLimits,
): Option<number>
export function number(describe: string, settings?: Maybe & NumberLimits): Option<number | undefined>
export function number(
  describe: string,
  settings: Settings<number> & NumberLimits = {},
): Option<number> | Option<number | undefined> {
  return option<number>('number', describe, settings, (value, name) => parseNumber(value, name, settings))
}

/** A list: `--name a b`, `--name a,b` (unless `commas` is false) or the flag twice. */
export function list<T extends string = string>(
  describe: string,
  settings: (Required | Default<readonly T[]>) & { choices?: readonly T[]; commas?: boolean },
): Option<readonly T[]>
export function list<T extends string = string>(
  describe: string,
  settings?: Maybe & { choices?: readonly T[]; commas?: boolean },
): Option<readonly T[] | undefined>
export function list<T extends string>(
  describe: string,
  settings: Settings<readonly T[]> & { choices?: readonly T[]; commas?: boolean } = {},
): Option<readonly T[]> | Option<readonly T[] | undefined> {
  const { choices, commas = true } = settings
  return option<readonly T[]>('list', describe, settings, (value, name) =>
    split(value, name, commas).map((item) => (choices ? oneOf(item, name, choices) : (item as T))),
  )
}

/** Numbers of a list. */
export function numbers(
  describe: string,
  settings: (Required | Default<readonly number[]>) & NumberLimits,
): Option<readonly number[]>
export function numbers(
  describe: string,
  settings?: Maybe & NumberLimits,
): Option<readonly number[] | undefined>
export function numbers(
  describe: string,
  settings: Settings<readonly number[]> & NumberLimits = {},
): Option<readonly number[]> | Option<readonly number[] | undefined> {
  return option<readonly number[]>('list', describe, settings, (value, name) =>
    split(value, name).map((item) => parseNumber(item, name, settings)),
  )
}

function parseText(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number') return String(value)
  throw wrong(name, value, 'one value')
}

function parseNumber(
  value: unknown,
  name: string,
  { min = -Infinity, max = Infinity, whole = false }: NumberLimits,
): number {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  const what = whole ? 'a whole number' : 'a number'
  const range = min > -Infinity ? (max < Infinity ? ` from ${min} to ${max}` : ` from ${min}`) : ''
  if (
    typeof read !== 'number' ||
    !Number.isFinite(read) ||
    (whole && !Number.isSafeInteger(read)) ||
    read < min ||
    read > max
  ) {
    throw wrong(name, value, what + range)
  }
  return read
}

function split(value: unknown, name: string, commas = true): string[] {
  const items = Array.isArray(value) ? (value as unknown[]) : [value]
  const texts = items
    .flatMap((item) => (commas ? parseText(item, name).split(',') : [parseText(item, name)]))
    .map((item) => item.trim())
  if (texts.length > 0 && !texts.includes('')) return texts
  throw wrong(name, value, 'at least one value')
}

function oneOf<T extends string>(value: string, name: string, choices: readonly T[]): T {
  if ((choices as readonly string[]).includes(value)) return value as T
  throw wrong(name, value, `one of ${choices.join(', ')}`)
}

function wrong(name: string, value: unknown, wanted: string): InputError {
  const nothing = value === undefined || value === '' || value === true
  if (nothing || (Array.isArray(value) && value.length === 0)) {
    return new InputError(`${name} has no value; give ${wanted}`)
  }
  if (Array.isArray(value)) return new InputError(`${name} was given ${value.length} times; give ${wanted}`)
  return new InputError(`${name} is ${JSON.stringify(value)}; give ${wanted}`)
}
