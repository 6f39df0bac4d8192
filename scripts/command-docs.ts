// Writes the lists of options in docs/command.md from the commands' own declarations: npm run docs
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { aboutOf, describeDefault, flagOf } from '@lever/settings'
import type { Setting } from '@lever/settings'
import { GROUP_NAMES } from '../apps/cli/src/command.ts'
import { COMMANDS } from '../apps/cli/src/commands/index.ts'

const PAGE = fileURLToPath(new URL('../docs/command.md', import.meta.url))

/** The page with the list of options of every command as it is declared. */
export async function withOptions(page: string): Promise<string> {
  let written = page
  for (const name of Object.keys(COMMANDS)) {
    const block = new RegExp(`(<!-- options: ${name} -->\\n)[^]*?(<!-- end -->)`)
    if (!block.test(written)) throw new Error(`docs/command.md has no block <!-- options: ${name} -->`)
    const list = await optionList(name)
    written = written.replace(block, (_, before: string, after: string) => `${before}\n${list}\n${after}`)
  }
  return written
}

async function optionList(name: string): Promise<string> {
  const groups = await (await COMMANDS[name]!.load()).groups()
  return GROUP_NAMES.flatMap((group) => {
    const options = Object.entries(groups[group] ?? {})
    if (options.length === 0) return []
    return [`${group}:\n\n${options.map(([option, setting]) => line(option, setting)).join('')}`]
  }).join('\n')
}

function line(option: string, setting: Setting): string {
  const shown = describeDefault(setting)
  const aliases = (setting.aliases ?? []).map((alias) => `\`--${alias.replaceAll('-', '_')}\``)
  const notes = [
    ...(setting.required ? ['Required.'] : []),
    ...(shown === undefined ? [] : [`Default: ${shown}.`]),
    ...(aliases.length > 0 ? [`Also ${aliases.join(', ')}.`] : []),
  ]
  const about = aboutOf(setting)
  const text = [`${about[0]!.toUpperCase()}${about.slice(1)}.`, ...notes].join(' ')
  return `- \`--${flagOf(option)}\`: ${text.replaceAll('<', '&lt;').replaceAll('*', '\\*')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, await withOptions(readFileSync(PAGE, 'utf8')))
}
