import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { withOptions } from '../../../scripts/command-docs.ts'
import { COMMANDS } from '../src/commands/index.ts'
import { scratch } from './support/lever.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PAGE = join(ROOT, 'docs/command.md')

test('the page has a section for every command, and its options as they are declared', async () => {
  const page = readFileSync(PAGE, 'utf8')
  for (const name of Object.keys(COMMANDS)) expect(page).toContain(`\n## lever ${name}\n`)
  // Out of date? Run: npm run docs
  expect(await withOptions(page)).toBe(page)
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
