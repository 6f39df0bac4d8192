import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { atEnd, createCursor, JsonSyntaxError, type Cursor } from '../src/json-cursor.ts'
import { readValue, skipValue } from '../src/json-value.ts'
import { scoreFiles } from '../src/node.ts'
import { question, writeFiles } from './support.ts'

function cursorOf(text: string): Cursor {
  const bytes = Buffer.from(text)
  const c = createCursor(Buffer.concat([bytes, Buffer.alloc(1)]), bytes.length)
  c.last = true
  return c
}

function parse(text: string, keepBig = true): unknown {
  const c = cursorOf(text)
  const value = readValue(c)
  if (!atEnd(c)) throw new JsonSyntaxError('more', c.pos)
  return plain(value, keepBig)
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

test('reads what JSON.stringify writes, and skips exactly as much', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ noUnicodeString: false }),
      fc.constantFrom(undefined, 1, '\t'),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(parse(text, false)).toEqual(JSON.parse(text))
        const c = cursorOf(text)
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
      expect(parse(text, false)).toEqual(expected)
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
])('%s', (text, expected) => expect(parse(text)).toEqual(expected))

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
])('refuses %j', (text) => expect(() => parse(text)).toThrow(JsonSyntaxError))

test('refuses what is nested too deeply instead of overflowing the stack', () => {
  expect(() => parse('['.repeat(100_000))).toThrow(/nested deeper than 900/)
  expect(() => skipValue(cursorOf('{"a":'.repeat(100_000)))).toThrow(/nested deeper than 900/)
})

test('refuses bytes that are not UTF-8', () => {
  const c = createCursor(Buffer.from([0x22, 0xff, 0x22, 0]), 3)
  expect(() => readValue(c)).toThrow(/not UTF-8/)
})

describe('files are the same in windows of any size', () => {
  const answers = [
    'café',
    'naïve\\',
    '"quoted"',
    '\u{1f600}',
    'tab\tnew\nline',
    '\u2028',
    'yes',
    '\ufeff',
    '\ud800',
  ]
  const annotations = answers.map((answer, id) => ({
    ...question(id, 10),
    answers: answers.map((text, i) => ({ answer: i < 4 ? answer : text, answer_id: i })),
  }))
  const results = answers.map((answer, question_id) => ({
    question_id,
    answer,
    note: { deep: [answer, null] },
  }))
  const layouts = {
    compact: JSON.stringify({ info: { a: [1] }, annotations, license: 'x' }),
    indented: JSON.stringify({ info: {}, license: [], annotations }, null, 2),
    ascii: JSON.stringify({ annotations }).replace(
      /[\u0080-\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
    again: `{"annotations":[${JSON.stringify(question('old', 3))}],"annotations":${JSON.stringify(annotations)}}`,
  }

  test.each(Object.entries(layouts))('%s', async (_, text) => {
    const files = await writeFiles({
      'annotations.json': text,
      'results.json': JSON.stringify(results, null, 1),
      'results.jsonl': results.map((row) => `${JSON.stringify(row)}\r\n\n`).join(''),
    })
    for (const chunkSize of [1, 2, 3, 7, 64, 1 << 20]) {
      for (const results of [files['results.json'], files['results.jsonl']]) {
        const { evaluation } = await scoreFiles({
          annotations: files['annotations.json'],
          results,
          chunkSize,
        })
        expect(evaluation).toMatchObject({ overall: 100, n: 9 })
        expect(Array.from(evaluation.perQuestion, ({ prediction }) => prediction)).toEqual(answers)
      }
    }
  })
})
