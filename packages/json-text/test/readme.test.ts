import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the example of the README prints what it says', async () => {
  const readme = await readFile(`${root}/README.md`, 'utf8')
  const code = /```js\n([^`]+)```/.exec(readme)![1]!
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: root })
  expect(readme).toContain(`It prints \`${stdout.trim()}\``)
})
