import type { OptionTable, Values } from './options.ts'
import type { Progress } from './progress.ts'

/** What a command gives back: one object for machines, and text for people. */
export interface Result {
  readonly json: unknown
  readonly text: string
  /** 2 when the command did its work and what it found is wrong input, as `data validate` may. */
  readonly exitCode?: 0 | 1 | 2
}

/** What every command is given besides its options. */
export interface Context {
  readonly progress: Progress
  /** Aborted at the first SIGINT or SIGTERM: save and stop. */
  readonly signal: AbortSignal
  /** Tells a script what happens, one object per line on stderr; only with `--json`, not with `--quiet`. */
  readonly emit?: ((event: Readonly<Record<string, unknown>>) => void) | undefined
}

export interface CommandSpec<O extends OptionTable> {
  /** One sentence for help. */
  readonly describe: string
  /** Name of the files that stand without a flag, e.g. `file`. */
  readonly files?: {
    readonly name: string
    readonly describe: string
    readonly min: number
    readonly max: number
  }
  /** A function where names come from tables of heavy packages. */
  readonly options: O | (() => Promise<O>)
  readonly example?: string
  readonly run: (options: Values<O>, context: Context, files: readonly string[]) => Promise<Result>
}

/** A command whose option types are no longer of interest. */
export interface Command {
  readonly describe: string
  readonly files?: CommandSpec<OptionTable>['files']
  readonly example?: string
  readonly options: () => Promise<OptionTable>
  readonly run: (
    options: Readonly<Record<string, unknown>>,
    context: Context,
    files: readonly string[],
  ) => Promise<Result>
}

export function defineCommand<const O extends OptionTable>(spec: CommandSpec<O>): Command {
  const { options, run, ...rest } = spec
  return {
    ...rest,
    options: async () => (typeof options === 'function' ? options() : options),
    run: (values, context, files) => run(values as Values<O>, context, files),
  }
}
