import { InputError } from '@lever/durable-files'
import {
  flagOf,
  kebab,
  namesOf,
  nearest,
  normaliseFlags,
  protectNegative,
  readConfig,
  readSettings,
  restoreNegative,
  unknownName,
} from '@lever/settings'
import yargs from 'yargs'
import type { Argv } from 'yargs'
import type { Command, Context, Result } from './command.ts'
import { optionsOf } from './command.ts'
import { COMMANDS, GROUPS } from './commands/index.ts'
import { addHelp } from './help.ts'
import { commonOptions } from './options/common.ts'
import { version } from './version.ts'

/** What was typed: flags that hold for every command. */
export interface Invocation {
  readonly command: string
  readonly json: boolean
  readonly quiet: boolean
  readonly debug: boolean
  /** What the command can promise when it is interrupted. */
  readonly promise?: string | undefined
}

type Parsed = Record<string, unknown> & { _: (string | number)[] }

/**
 * Parses the command line and runs the command. Undefined when help or the version was printed.
 *
 * @param open makes the context once the common flags are known
 * @param width columns of help
 * @throws InputError if the usage is wrong, and whatever the command throws
 */
export async function runCommand(
  args: readonly string[],
  open: (invocation: Invocation) => Context,
  width = 100,
): Promise<Result | undefined> {
  let result: Result | undefined
  const run = async (name: string, command: Command, argv: Parsed): Promise<void> => {
    result = await execute(name, command, argv, open)
  }
  let cli = yargs(protectNegative(normaliseFlags(args)))
    .scriptName('lever')
    .usage('lever <command> [options]\n\nChooses in-context demonstrations for vision-language models.')
    .locale('en')
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-positional-numbers': false,
    })
    .fail((message, error) => {
      throw error instanceof Error ? error : new InputError(message)
    })
  for (const name of Object.keys(COMMANDS)) if (!name.includes(' ')) cli = define(cli, name, run)
  for (const [group, summary] of Object.entries(GROUPS)) {
    cli = cli.command(group, summary, (builder) => defineGroup(builder, group, run))
  }
  const names = [...new Set(Object.keys(COMMANDS).map((name) => name.split(' ')[0]!))]
  await cli
    .command('$0', false, {}, (argv) => noCommand(String(argv._[0] ?? ''), names, 'lever'))
    .epilogue('lever <command> --help shows the options of a command. Start with: lever demo')
    .help()
    .version(version())
    .wrap(width)
    .parseAsync()
  return result
}

type Run = (name: string, command: Command, argv: Parsed) => Promise<void>

function define(root: Argv, name: string, run: Run): Argv {
  const { summary, load } = COMMANDS[name]!
  let command: Command | undefined
  return root.command(
    name.split(' ').at(-1)!,
    summary,
    async (builder) => {
      command = await load()
      return addHelp(builder, name, command)
    },
    async (argv) => run(name, command!, argv),
  )
}

function defineGroup(builder: Argv, group: string, run: Run): Argv {
  const names = Object.keys(COMMANDS).filter((name) => name.startsWith(`${group} `))
  for (const name of names) define(builder, name, run)
  const words = names.map((name) => name.slice(group.length + 1))
  return builder.command('$0', false, {}, (argv) =>
    noCommand(String(argv._[1] ?? ''), words, `lever ${group}`),
  )
}

async function execute(
  name: string,
  command: Command,
  argv: Parsed,
  open: (invocation: Invocation) => Context,
): Promise<Result> {
  const schema = { ...(await optionsOf(command)), ...commonOptions }
  const names = namesOf(schema)
  const flags = givenFlags(argv, names)
  const files = givenFiles(name, command, argv)
  const config = flags['config'] as string | undefined
  const fromFile = config === undefined ? {} : Object.fromEntries(await readConfig(config, names))
  const values = readSettings(
    schema,
    { ...fromFile, ...flags },
    {
      nameOf: (option) => `--${flagOf(option)}`,
      placeOf: (option) => (option in flags ? `--${flagOf(option)}` : `${config!}: ${flagOf(option)}`),
      missing: `see lever ${name} --help`,
    },
  )
  const { json, quiet, debug } = values
  return command.run(
    Object.fromEntries(Object.entries(values).filter(([option]) => !Object.hasOwn(commonOptions, option))),
    open({ command: name, json, quiet, debug, promise: command.interrupted(values) }),
    files,
  )
}

/** The flags that were given, by the names of their settings. */
function givenFlags(argv: Parsed, names: ReadonlyMap<string, string>): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(argv)) {
    if (['_', '$0', 'help', 'version'].includes(key) || value === undefined) continue
    const option = names.get(kebab(key))
    if (option === undefined)
      throw new InputError(unknownName(key, names.keys(), key.length > 1 ? '--' : '-'))
    if (option in given) {
      throw new InputError(
        `--${flagOf(option)} is given twice, under two of its names: ${spellings(argv, names, option)}; give it once`,
      )
    }
    given[option] = restoreNegative(value)
  }
  return given
}

function spellings(argv: Parsed, names: ReadonlyMap<string, string>, option: string): string {
  const keys = Object.keys(argv).filter((key) => names.get(kebab(key)) === option)
  return keys.map((key) => `--${key}`).join(' and ')
}

function givenFiles(name: string, { files }: Command, argv: Parsed): string[] {
  const found = argv._.slice(name.split(' ').length).map((file) => String(restoreNegative(file)))
  const { min, max, name: what } = files ?? { min: 0, max: 0, name: '' }
  if (found.length < min) throw new InputError(`lever ${name} needs ${what}; see lever ${name} --help`)
  if (found.length > max) {
    throw new InputError(
      `lever ${name} does not know what to do with "${found[max]!}"; see lever ${name} --help`,
    )
  }
  return found
}

function noCommand(given: string, names: readonly string[], prefix: string): never {
  if (given === '') {
    throw new InputError(`a command is missing; ${prefix} knows ${names.join(', ')} (see ${prefix} --help)`)
  }
  const near = nearest(given, names)
  const remedy = near === undefined ? `see ${prefix} --help` : `did you mean ${near}?`
  throw new InputError(`there is no command "${given}"; ${remedy}`)
}
