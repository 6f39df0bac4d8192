import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  atEnd,
  cursorOf,
  JsonSyntaxError,
  parseStrict,
  parseText,
  PYTHON,
  skipValue,
  STRICT,
  type JsonRules,
} from '../src/index.ts'

function parse(text: string, rules: JsonRules = PYTHON, keepBig = true): unknown {
  return plain(parseText(Buffer.from(text), rules), keepBig)
}

function plain(value: unknown, keepBig: boolean): unknown {
  if (typeof value === 'bigint') return keepBig ? value : Number(value)
  if (value instanceof Map) {
    return Object.fromEntries(
      [...(value as Map<string, unknown>)].map(([name, field]) => [name, plain(field, keepBig)]),
    )
  }
  return Array.isArray(value) ? value.map((item) => plain(item, keepBig)) : value
}

function faultOf(text: string, rules: JsonRules = STRICT): JsonSyntaxError {
  try {
    parseText(Buffer.from(text), rules)
  } catch (error) {
    return error as JsonSyntaxError
  }
  throw new Error('no fault')
}

test('reads what JSON.stringify writes, and skips exactly as much', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ noUnicodeString: false }),
      fc.constantFrom(undefined, 1, '\t'),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(parse(text, PYTHON, false)).toEqual(JSON.parse(text))
        const c = cursorOf(Buffer.from(text))
        skipValue(c)
        expect(atEnd(c)).toBe(true)
      },
    ),
  )
})

test('accepts and refuses what JSON.parse does, but for NaN, Infinity and integers beyond 2^53', () => {
  const piece = fc.constantFrom(
    ...'{}[]:,"\\-+.eE019aftn \n\u0001é/'.split(/(?:)/u),
    'true',
    'null',
    'false',
    '\\u00e9',
    '\\ud800',
    '"a"',
    '{"a":1}',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      let expected: unknown
      try {
        expected = JSON.parse(text)
      } catch {
        expect(() => parse(text)).toThrow(JsonSyntaxError)
        return
      }
      expect(parse(text, PYTHON, false)).toEqual(expected)
    }),
    { numRuns: 1000 },
  )
})

test.each([
  ['NaN', NaN],
  ['-Infinity', -Infinity],
  ['[Infinity,1]', [Infinity, 1]],
  ['9007199254740993', 9007199254740993n],
  ['-9007199254740993', -9007199254740993n],
  ['9007199254740991', 9007199254740991],
  ['1e400', Infinity],
  ['-0', -0],
  ['1.0', 1],
  ['{"__proto__": 1, "a": 2, "a": 3}', JSON.parse('{"__proto__": 1, "a": 3}')],
])('as Python: %s', (text, expected) => expect(parse(text)).toEqual(expected))

test.each([
  '',
  '01',
  '1.',
  '.5',
  '+1',
  '-',
  'nan',
  '[1,]',
  '{"a"}',
  '{a:1}',
  '"\n"',
  '"\\x"',
  '"abc',
  '[1 2]',
  '1 2',
])('refuses %j by any rules', (text) => {
  expect(() => parse(text)).toThrow(JsonSyntaxError)
  expect(() => parse(text, STRICT)).toThrow(JsonSyntaxError)
})

describe('strict', () => {
  test.each([
    ['{"a":{"b":[1,{"c":1,"c":2}]}}', 'the key "c" is given twice', ['a', 'b', 1, 'c'], 20],
    ['{"a":{"__proto__":1}}', 'the key __proto__ is refused', ['a', '__proto__'], 6],
    ['[1,NaN]', 'NaN is not a number of JSON', [1], 3],
    ['[-Infinity]', '-Infinity is not a number of JSON', [0], 1],
    ['{"x":1e999}', '1e999 is too large for a number', ['x'], 5],
    ['[1,2', 'the text ends where "," or "]" should follow; it is cut off', [2], 4],
    ['  ', 'the text is empty', [], 2],
    ['{"a":tru}', 'expected a value, found "tru"', ['a'], 5],
    ['[1] x', 'expected the end of the text, found "x"', [], 4],
    [
      '["a\u0001"]',
      'expected no control character in a string (write it as \\n, \\u0001), found byte 0x01',
      [0],
      3,
    ],
  ])('%j', (text, message, path, offset) => {
    expect(faultOf(text)).toMatchObject({ message, path, offset })
  })

  test('repeated keys are noticed however they are written', () => {
    expect(faultOf('{"a":1,"\\u0061":2}').message).toBe('the key "a" is given twice')
    expect(() => parseStrict(Buffer.from('{"a":1,"\\u0061":2}'))).toThrow('the key "a" is given twice')
  })

  test('half a surrogate pair, and too many containers, where the rules say so', () => {
    const rules = { ...STRICT, loneSurrogates: false, maxContainers: 2 }
    expect(faultOf('["\\ud800"]', rules).message).toBe('the string has half a surrogate pair')
    expect(faultOf('{"\\udc00":1}', rules).message).toBe('the string has half a surrogate pair')
    expect(faultOf('[[],[]]', rules).message).toBe('more than 2 objects and arrays')
    expect(parse('["\\ud83d\\ude00"]', rules)).toEqual(['\u{1f600}'])
  })

  test('numbers as text keeps what is not written as a whole number', () => {
    const rules = { ...STRICT, numbersAsText: true }
    expect(parse('[1,1.0,-1,1e2,9007199254740993]', rules)).toEqual([
      1,
      ...['1.0', '-1', '1e2', '9007199254740993'].map((text) => ({ text })),
    ])
  })

  test('parseStrict refuses and accepts as parseText does', () => {
    const mark = fc.constantFrom('', '{', '}', '[', ']', ',', ':', '"', '\\', '0', '-', 'e', ' ')
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(), mark, (text, at, written) => {
        const i = at % (text.length + 1)
        const damaged = Buffer.from(text.slice(0, i) + written + text.slice(i + 1))
        let expected: unknown
        try {
          expected = plain(parseText(damaged, STRICT), false)
        } catch (error) {
          if (!/too large/.test((error as Error).message)) {
            expect(() => parseStrict(damaged)).toThrow((error as Error).message)
          }
          return
        }
        expect(parseStrict(damaged)).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })
})

test('what is nested too deeply is refused instead of overflowing the stack', () => {
  expect(() => parse('['.repeat(100_000))).toThrow('nested deeper than 100 levels')
  expect(() => skipValue(cursorOf(Buffer.from('{"a":'.repeat(100_000))))).toThrow('nested deeper than 100')
  expect(() => parseStrict(Buffer.from('['.repeat(100_000)))).toThrow('nested deeper than 100 levels')
  expect(parse('['.repeat(100) + ']'.repeat(100))).toHaveLength(1)
  expect(() => parse('['.repeat(101) + ']'.repeat(101))).toThrow('nested deeper')
})

test('bytes that are not UTF-8 are refused', () => {
  expect(() => parseText(Uint8Array.of(0x22, 0xff, 0x22), PYTHON)).toThrow('the string is not UTF-8')
  expect(() => parseStrict(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('the text is not UTF-8')
})
