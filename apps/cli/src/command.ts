import type { Schema, Settings } from '@lever/settings'
import type { Progress } from '@lever/terminal'

/** What a command gives back: one object for machines, and text for people. */
export interface Result {
  readonly json: unknown
  readonly text: string
  /** 2 when the command did its work and what it found is wrong input, as `data validate` may. */
  readonly exitCode?: 0 | 1 | 2
}

/** True of a command that keeps all it does in journals and resumable states. */
export const CONTINUES = 'what was done is saved, and the same command continues it'

/** What every command is given besides its options. */
export interface Context {
  readonly progress: Progress
  /** Aborted at the first SIGINT or SIGTERM: save and stop. */
  readonly signal: AbortSignal
  /** Tells a script what happens, one object per line on stderr; only with `--json`, not with `--quiet`. */
  readonly emit?: ((event: Readonly<Record<string, unknown>>) => void) | undefined
}

/** The headings of `--help`, in order. */
export const GROUP_NAMES = [
  'Data',
  'Model',
  'Proposals',
  'Rewards',
  'Training',
  'Evaluation',
  'Queue',
  'Server',
  'Output',
  'General',
] as const

/** Options under the headings that help shows them under. A name stands under one heading only. */
export type Groups = { readonly [Name in (typeof GROUP_NAMES)[number]]?: Schema }

type Intersection<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never

type Merged<G extends Groups> = Intersection<NonNullable<G[keyof G & keyof Groups]>>

/** What a command is given: camelCase names, checked values. */
export type Values<G extends Groups> = Merged<G> extends infer S extends Schema ? Settings<S> : never

export interface CommandSpec<G extends Groups> {
  /** One or two sentences for help. */
  readonly describe: string
  /** Name of the files that stand without a flag, e.g. `file`. */
  readonly files?: {
    readonly name: string
    readonly describe: string
    readonly min: number
    readonly max: number
  }
  /** A function where names come from tables of heavy packages. */
  readonly options: G | (() => Promise<G>)
  readonly example?: string
  /** What an interrupted command can promise: a sentence that is true of it. */
  readonly interrupted?: (options: Values<G>) => string | undefined
  readonly run: (options: Values<G>, context: Context, files: readonly string[]) => Promise<Result>
}

/** A command whose option types are no longer of interest. */
export interface Command {
  readonly describe: string
  readonly files?: CommandSpec<Groups>['files']
  readonly example?: string
  readonly groups: () => Promise<Groups>
  readonly interrupted: (options: Readonly<Record<string, unknown>>) => string | undefined
  readonly run: (
    options: Readonly<Record<string, unknown>>,
    context: Context,
    files: readonly string[],
  ) => Promise<Result>
}

export function defineCommand<const G extends Groups>(spec: CommandSpec<G>): Command {
  const { options, run, interrupted, ...rest } = spec
  return {
    ...rest,
    groups: async () => (typeof options === 'function' ? options() : options),
    interrupted: (values) => interrupted?.(values as Values<G>),
    run: (values, context, files) => run(values as Values<G>, context, files),
  }
}

/** All options of a command. */
export async function optionsOf(command: Command): Promise<Schema> {
  return Object.assign({}, ...Object.values(await command.groups())) as Schema
}
