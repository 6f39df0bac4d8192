import { expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'

const source = new URL('../src/', import.meta.url)

test('nothing is imported but the error of wrong input and the check of option names', () => {
  for (const name of readdirSync(source)) {
    const imports = [...readFileSync(new URL(name, source), 'utf8').matchAll(/from '([^']+)'/g)].map(
      ([, from]) => from,
    )
    for (const from of imports)
      expect(from).toMatch(/^(\.\/|@lever\/durable-files\/(input-error|known-options)$)/)
  }
})
