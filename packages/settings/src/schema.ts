/** What every setting says of itself. */
interface Common {
  /** One line for help. It names its subject, so that it makes sense where it is found alone. */
  readonly about: string
  /** Other names, in kebab-case, such as those of the Python original. */
  readonly aliases?: readonly string[]
  readonly required?: true
  /** What holds when the setting is not given, where no constant can say it: `the model's own`. */
  readonly unset?: string
  /** Settings it needs: one of these values, or (`true`) any value. */
  readonly onlyWith?: Readonly<Record<string, readonly string[] | true>>
  /** Settings beside which it has no effect, each with the reason or the remedy. */
  readonly notWith?: Readonly<Record<string, string>>
}

interface Flag extends Common {
  readonly type: 'flag'
  /** `false` where it is left out. */
  readonly default?: boolean
}

interface Text extends Common {
  readonly type: 'text'
  readonly choices?: readonly string[]
  readonly default?: string
}

interface Limits {
  readonly min?: number
  readonly max?: number
  readonly whole?: true
}

interface NumberSetting extends Common, Limits {
  readonly type: 'number'
  readonly default?: number
}

interface List extends Common {
  readonly type: 'list'
  readonly choices?: readonly string[]
  /** `false`: a comma is part of an item. */
  readonly commas?: false
  readonly default?: readonly string[]
}

interface Numbers extends Common, Limits {
  readonly type: 'numbers'
  /** Exactly so many. */
  readonly count?: number
  readonly default?: readonly number[]
}

/** A setting as plain data. */
export type Setting = Flag | Text | NumberSetting | List | Numbers

/** Settings by camelCase name. Write it as an object `as const`: the types of its values follow. */
export type Schema = Readonly<Record<string, Setting>>

type Given<S extends Setting> = S extends { readonly type: 'flag' }
  ? boolean
  : S extends { readonly type: 'number' }
    ? number
    : S extends { readonly type: 'numbers' }
      ? readonly number[]
      : S extends { readonly type: 'list' }
        ? readonly Choice<S>[]
        : Choice<S>

type Choice<S> = S extends { readonly choices: readonly (infer C extends string)[] } ? C : string

/** The value of a setting: undefined where it may be left out and has no default. */
export type ValueOf<S extends Setting> =
  | Given<S>
  | (S extends { readonly type: 'flag' } | { readonly required: true } | { readonly default: unknown }
      ? never
      : undefined)

/** All settings of a schema, checked and with their defaults. */
export type Settings<S extends Schema> = { readonly [K in keyof S]: ValueOf<S[K]> }

/** Settings of a schema as a caller gives them. */
export type GivenSettings<S extends Schema> = {
  readonly [K in keyof S as S[K] extends { readonly required: true } ? K : never]: Given<S[K]>
} & {
  readonly [K in keyof S as S[K] extends { readonly required: true } ? never : K]?: Given<S[K]> | undefined
}
