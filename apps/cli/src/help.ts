import type { Setting } from '@lever/settings'
import { aboutOf, describeDefault, flagOf } from '@lever/settings'
import type { Argv } from 'yargs'
import type { Command } from './command.ts'
import { GROUP_NAMES } from './command.ts'
import { commonOptions } from './options/common.ts'

/** Adds usage, options under their headings, and the example of a command. */
export async function addHelp(builder: Argv, name: string, command: Command): Promise<Argv> {
  const { files, describe, example } = command
  const usage = `lever ${name}${files ? ` <${files.name}>` : ''} [options]`
  builder.usage(`${usage}${files ? `\n  ${files.name}: ${files.describe}` : ''}\n\n${describe}`)
  const groups = await command.groups()
  for (const group of GROUP_NAMES) {
    const options = { ...groups[group], ...(group === 'General' && commonOptions) }
    for (const [option, setting] of Object.entries(options)) addOption(builder, option, setting, group)
  }
  builder.group(['help', 'version'], 'General:')
  if (example) builder.epilogue(`Example:\n  ${example}`)
  return builder
}

function addOption(builder: Argv, name: string, setting: Setting, group: string): void {
  const { type, required } = setting
  const shown = describeDefault(setting)
  builder.option(flagOf(name), {
    group: `${group}:`,
    describe: required ? `${aboutOf(setting)} (required)` : aboutOf(setting),
    ...(type === 'flag' && { type: 'boolean' as const }),
    ...(type === 'text' && { string: true }),
    ...((type === 'list' || type === 'numbers') && { type: 'array' as const, string: true }),
    ...(shown !== undefined && { defaultDescription: shown }),
  })
}
