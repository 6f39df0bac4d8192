import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import * as api from '../src/index.ts'

test('the README shows every public value', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const shown = new Set(Array.from(readme.matchAll(/`(\w+)[`(]/g), ([, name]) => name))
  expect(Object.keys(api).filter((name) => !shown.has(name))).toEqual([])
})
