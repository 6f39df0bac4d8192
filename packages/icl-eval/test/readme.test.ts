import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the example of the README prints what it says', () => {
  const readme = readFileSync(`${root}/README.md`, 'utf8')
  const [, code = '', printed = ''] =
    /```js\n([^]*?)```\n\nIt prints\n\n```text\n([^]*?)```/.exec(readme) ?? []
  const options = { cwd: root, encoding: 'utf8' } as const
  expect(execFileSync(process.execPath, ['--input-type=module', '--eval', code], options)).toBe(printed)
})
