import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from '@jest/globals'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lever-guides-'))
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
afterAll(() => rmSync(folder, { recursive: true }))

const guides = readdirSync(join(root, 'docs/guides')).map((name) => ({
  name,
  text: readFileSync(join(root, 'docs/guides', name), 'utf8'),
}))
const blocks = guides.flatMap(({ name, text }) =>
  Array.from(
    text.matchAll(/^```js\n(.*?)^```\n(?:\nIt prints\n\n```text\n(.*?)^```)?/gms),
    ([, code, prints]) => ({
      name,
      code: code!,
      prints,
    }),
  ),
)

test('there are guides with code', () => {
  expect(new Set(blocks.map(({ name }) => name))).toEqual(
    new Set(['first-policy.md', 'own-selector.md', 'reward-mode.md']),
  )
})

test.each(blocks)(
  'the code of $name runs',
  async ({ name, code, prints }) => {
    const file = join(folder, `${name}.mjs`)
    writeFileSync(file, code)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: folder })
    expect(stderr).toBe('')
    if (prints !== undefined) expect(stdout).toBe(prints)
  },
  60_000,
)
