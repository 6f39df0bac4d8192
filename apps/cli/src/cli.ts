import { InputError } from '@lever/durable-files'
import yargs from 'yargs'
import type { Argv } from 'yargs'
import type { Command, Context, Result } from './command.ts'
import { COMMANDS, GROUPS } from './commands/index.ts'
import { readConfig, unknownName } from './config.ts'
import { camel, kebab, nearest, normaliseFlags } from './names.ts'
import type { OptionTable } from './options.ts'
import { flag, text } from './options.ts'
import { version } from './version.ts'

/** What was typed: flags that hold for every command. */
export interface Invocation {
  readonly command: string
  readonly json: boolean
  readonly quiet: boolean
  readonly debug: boolean
}

/** Flags of every command. */
const COMMON = {
  config: text('YAML file with options; flags win'),
  json: flag('print one JSON object'),
  quiet: flag('no progress and no warnings'),
  debug: flag('show the stack of an error'),
} satisfies OptionTable

type Parsed = Record<string, unknown> & { _: (string | number)[] }

/**
 * Parses the command line and runs the command. Undefined when help or the version was printed.
 *
 * @param open makes the context once the common flags are known
 * @throws InputError for wrong usage, and what the command throws
 */
export async function runCommand(
  args: readonly string[],
  open: (invocation: Invocation) => Context,
): Promise<Result | undefined> {
  let result: Result | undefined
  const define = (root: Argv, name: string): Argv => {
    const entry = COMMANDS[name]!
    const word = name.split(' ').at(-1)!
    let command: Command | undefined
    return root.command(
      word,
      entry.summary,
      async (builder) => {
        command = await entry.load()
        const { files } = command
        builder.usage(
          `lever ${name}${files ? ` <${files.name}>` : ''} [options]${files ? `\n  ${files.name}: ${files.describe}` : ''}\n\n${command.describe}`,
        )
        addOptions(builder, { ...(await command.options()), ...COMMON })
        if (command.example) builder.epilogue(`Example:\n  ${command.example}`)
        return builder
      },
      async (argv) => {
        result = await execute(name, command!, argv, open)
      },
    )
  }
  let cli = yargs(normaliseFlags(args))
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
  for (const name of Object.keys(COMMANDS)) if (!name.includes(' ')) cli = define(cli, name)
  for (const [group, summary] of Object.entries(GROUPS)) {
    cli = cli.command(group, summary, (builder) => {
      for (const name of Object.keys(COMMANDS)) if (name.startsWith(`${group} `)) define(builder, name)
      const names = Object.keys(COMMANDS).flatMap((name) =>
        name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : [],
      )
      return builder.command('$0', false, {}, (argv) =>
        noCommand(String(argv._[1] ?? ''), names, `lever ${group}`),
      )
    })
  }
  const names = [...new Set(Object.keys(COMMANDS).map((name) => name.split(' ')[0]!))]
  await cli
    .command('$0', false, {}, (argv) => noCommand(String(argv._[0] ?? ''), names, 'lever'))
    .epilogue('lever <command> --help shows the options of a command. Start with: lever demo')
    .help()
    .version(version())
    .wrap(Math.min(110, process.stdout.columns || 100))
    .parseAsync()
  return result
}

function addOptions(builder: Argv, table: OptionTable): void {
  for (const [name, { kind, describe, required, choices, shown }] of Object.entries(table)) {
    builder.option(name, {
      describe: required ? `${describe} (required)` : describe,
      ...(kind === 'flag' && { type: 'boolean' as const }),
      ...(kind === 'text' && { string: true }),
      ...(kind === 'list' && { type: 'array' as const, string: true }),
      ...(choices && { describe: `${describe}: ${choices.join(', ')}` }),
      ...(shown !== undefined && { defaultDescription: shown }),
    })
  }
}

async function execute(
  name: string,
  command: Command,
  argv: Parsed,
  open: (invocation: Invocation) => Context,
): Promise<Result> {
  const table: OptionTable = { ...(await command.options()), ...COMMON }
  const names = new Map(
    Object.entries(table).flatMap(([option, { aliases }]) =>
      [option, ...aliases].map((known) => [known, option]),
    ),
  )
  const given = givenFlags(argv, names)
  const files = givenFiles(name, command, argv)
  const config = given.get('config') as string | undefined
  const fromFile = config === undefined ? new Map<string, unknown>() : await readConfig(config, names)
  const values: Record<string, unknown> = {}
  for (const [option, { parse, fallback, required }] of Object.entries(table)) {
    const place = given.has(option) ? `--${option}` : `${config ?? ''}: ${option}`
    const value = given.has(option) ? given.get(option) : fromFile.get(option)
    if (given.has(option) || fromFile.has(option)) values[camel(option)] = parse(value, place)
    else if (required) throw new InputError(`--${option} is missing; see lever ${name} --help`)
    else values[camel(option)] = fallback
  }
  const { json, quiet, debug } = values as Pick<Invocation, 'json' | 'quiet' | 'debug'>
  return command.run(values, open({ command: name, json, quiet, debug }), files)
}

function givenFlags(argv: Parsed, names: ReadonlyMap<string, string>): Map<string, unknown> {
  const given = new Map<string, unknown>()
  for (const [key, value] of Object.entries(argv)) {
    if (['_', '$0', 'help', 'version'].includes(key) || value === undefined) continue
    const option = names.get(kebab(key))
    if (option === undefined)
      throw new InputError(unknownName(key, names.keys(), key.length > 1 ? '--' : '-'))
    if (given.has(option)) throw new InputError(`--${option} was given twice, also as --${key}; give it once`)
    given.set(option, value)
  }
  return given
}

function givenFiles(name: string, { files }: Command, argv: Parsed): string[] {
  const found = argv._.slice(name.split(' ').length).map(String)
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
