import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { canonicalJson, differences, hashBytes, hashFile, hashOf } from '../src/index.ts'
import { temporaryFolder } from './support/temporary.ts'

test('keys are sorted, undefined properties left out, no spaces', () => {
  expect(canonicalJson({ b: [1, 'é', null], a: { d: true, c: undefined } })).toBe(
    '{"a":{"d":true},"b":[1,"é",null]}',
  )
  expect(canonicalJson({ '10': 1, '9': 2, B: 3, a: 4 })).toBe('{"10":1,"9":2,"B":3,"a":4}')
  expect(canonicalJson([-0, 1e21, 1e-7, 0.1])).toBe('[0,1e+21,1e-7,0.1]')
  expect(canonicalJson(JSON.parse('{"__proto__":1,"a":2}'))).toBe('{"__proto__":1,"a":2}')
  expect(canonicalJson(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}')
  expect(canonicalJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
  expect(canonicalJson('\ud800')).toBe('"\\ud800"')
})

test.each([
  [{ a: [1, Number.NaN] }, 'NaN at $.a[1]'],
  [Number.POSITIVE_INFINITY, 'Infinity at $'],
  [[undefined], 'undefined at $[0]'],
  [undefined, 'undefined at $'],
  [{ a: 1n }, '1 at $.a'],
  [{ a: new Map() }, 'a value of type Map at $.a'],
  [{ a: new Float32Array(2) }, 'a value of type Float32Array at $.a'],
  [new Array(1), 'undefined at $[0]'],
])('%p is refused with its place', (value, message) => {
  expect(() => canonicalJson(value)).toThrow(TypeError)
  expect(() => canonicalJson(value)).toThrow(`durable-files: ${message} cannot be written as JSON`)
})

test('a cycle is refused, a repeated object is not', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  expect(() => canonicalJson(cycle)).toThrow('at $.self cannot be written as JSON: it contains itself')
  const twice = { a: 1 }
  expect(canonicalJson([twice, twice])).toBe('[{"a":1},{"a":1}]')
})

test('canonical JSON reads back as the same value, whatever the order of keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(reversed(value))).toBe(text)
    }),
  )
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  const result = Object.create(null) as Record<string, unknown>
  for (const [key, each] of Object.entries(value).reverse()) result[key] = reversed(each)
  return result
}

test('hashes are SHA-256 in hex', async () => {
  expect(hashBytes('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(hashOf({ b: 1, a: 2 })).toBe(hashBytes('{"a":2,"b":1}'))
  const path = join(await temporaryFolder(), 'file')
  const data = Buffer.alloc(3_000_000, 'abc')
  await writeFile(path, data)
  expect(await hashFile(path)).toBe(hashBytes(data))
  await expect(hashFile(`${path}.missing`)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
})

test('differences name every place', () => {
  expect(differences({ a: 1, b: { c: [1], d: 2 } }, { b: { c: [1], d: 2 }, a: 1 })).toEqual([])
  expect(differences({ a: 1, b: { c: [1], d: 2 } }, { a: 2, b: { c: [1, 2] }, e: 'x'.repeat(100) })).toEqual([
    'a: 1 there, 2 here',
    'b.c: [1] there, [1,2] here',
    'b.d: 2 there, nothing here',
    `e: nothing there, "${'x'.repeat(76)}... here`,
  ])
  expect(differences({ a: [{ b: 1 }, { c: 2 }] }, { a: [{ b: 1 }, { c: 3 }] })).toEqual([
    'a[1].c: 2 there, 3 here',
  ])
  expect(differences([{}], [{}, {}])).toEqual(['value: [{}] there, [{},{}] here'])
  expect(differences(1, 'a')).toEqual(['value: 1 there, "a" here'])
  expect(differences({}, JSON.parse('{"__proto__":1}'))).toEqual(['__proto__: nothing there, 1 here'])
})
