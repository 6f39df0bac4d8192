import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { COMMANDS } from '../src/commands/index.ts'
import { scratch } from './support/lever.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PAGE = join(ROOT, 'docs/command.md')
const update = process.env['UPDATE_DOCS'] === '1'

async function optionTable(name: string): Promise<string> {
  const options = Object.entries(await (await COMMANDS[name]!.load()).options())
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
  const rows = options.map(([option, { describe, choices, required, shown = '', aliases }]) => [
    `\`--${option}\``,
    cell(`${describe}${choices ? `: ${choices.join(', ')}` : ''}`),
    required ? 'required' : cell(shown),
    aliases.map((alias) => `\`--${alias.replaceAll('-', '_')}\``).join(' '),
  ])
  const widths = ['option', 'what', 'default', 'also'].map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((one, i) => one.padEnd(widths[i]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return `\n${[line(['option', 'what', 'default', 'also']), rule, ...rows.map(line)].join('\n')}\n\n`
}

test('the page has a section for every command, with all its options', async () => {
  let page = readFileSync(PAGE, 'utf8')
  for (const name of Object.keys(COMMANDS)) {
    expect(page).toContain(`\n## lever ${name}\n`)
    const block = new RegExp(`(<!-- options: ${name} -->\\n)([^]*?)(<!-- end -->)`)
    expect(page).toMatch(block)
    const table = await optionTable(name)
    if (update) page = page.replace(block, (_, before: string, __, after: string) => before + table + after)
    else expect(block.exec(page)![2]).toBe(table)
  }
  if (update) writeFileSync(PAGE, page)
})

test('the examples run, in order', () => {
  const folder = scratch()
  symlinkSync(join(ROOT, 'fixtures'), join(folder, 'fixtures'))
  const page = readFileSync(PAGE, 'utf8')
  const blocks = Array.from(page.matchAll(/```sh\n([^]*?)```/g), ([, block]) => block!)
  expect(blocks.length).toBe(Object.keys(COMMANDS).length)
  const script = blocks
    .join('')
    .replaceAll('npx lever', `"${process.execPath}" "${join(ROOT, 'apps/cli/bin/lever.js')}"`)
  const output = execFileSync('bash', ['-euc', script], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  }).toString()
  expect(output).toContain('Accuracy in per cent')
  expect(output).toContain('Overall accuracy: 97.40')
}, 240_000)
