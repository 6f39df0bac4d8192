import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { freshPath } from './scripted.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the example of the README prints what it says', () => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(`${root}/README.md`, 'utf8')) ?? []
  const expected = /\/\/ (.*)\n$/.exec(code)?.[1]
  const elsewhere = code.replace(`'rl.jsonl'`, JSON.stringify(freshPath()))
  const runIt = ['--input-type=module', '--eval', elsewhere]
  expect(execFileSync(process.execPath, runIt, { cwd: root, encoding: 'utf8' }).trim()).toBe(expected)
})
