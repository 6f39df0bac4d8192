import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { SELECTOR_NAMES, SELECTORS } from '../src/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the example of the README prints what it says', () => {
  const readme = readFileSync(`${root}/README.md`, 'utf8')
  const [, code = '', printed = ''] =
    /```js\n([^]*?)```\n\nIt prints\n\n```text\n([^]*?)```/.exec(readme) ?? []
  const options = { cwd: root, encoding: 'utf8' } as const
  expect(execFileSync(process.execPath, ['--input-type=module', '--eval', code], options)).toBe(printed)
})

test('the table of selectors in the README is that of the code (UPDATE_DOCS=1 writes it)', () => {
  const rows = [
    ['name', 'chooses'],
    ...SELECTOR_NAMES.map((name) => [`\`${name}\``, SELECTORS[name].summary]),
  ] as [string, string][]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map(
    ([name, summary]) => `| ${name.padEnd(widths[0]!)} | ${summary.padEnd(widths[1]!)} |`,
  )
  const rule = `| ${'-'.repeat(widths[0]!)} | ${'-'.repeat(widths[1]!)} |`
  const table = [lines[0]!, rule, ...lines.slice(1)].join('\n')
  const before = readFileSync(`${root}/README.md`, 'utf8')
  const after = before.replace(
    /<!-- selectors -->[^]*<!-- \/selectors -->/,
    `<!-- selectors -->\n\n${table}\n\n<!-- /selectors -->`,
  )
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(`${root}/README.md`, after)
  else expect(before).toBe(after)
})
