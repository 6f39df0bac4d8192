import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parseRlData } from '../src/index.ts'
import { openRlFile, readRlData } from '../src/node.ts'
import { bytesOf, errorRules, isInputError, problemsOf, read } from './helpers.ts'

const good =
  '{"_meta":{},"42":{"query":{},"pointer_candidates":[{"pointer":[4,5],"beam_score":1},{"pointer":[5,4]}]}}'
let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'rl-dataset-'))))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('text that is no JSON', () => {
  test('cut off anywhere: an error with line and column, never half of the data', () => {
    for (let end = 0; end < good.length; end++) {
      expect(() => read(good.slice(0, end))).toThrow(
        /^rl-dataset: data\.json, line 1, column \d+ \(byte \d+\): .*/,
      )
    }
    expect(() => read(good.slice(0, -2))).toThrow(
      'the text ends where the rest of the value should follow; it is cut off (in or after key "42")',
    )
  })

  test.each([
    ['', 'the text is empty'],
    ['  \n ', 'the text is empty'],
    ['[]', 'expected an object, found "["'],
    ['{"1" 2}', 'expected ":", found "2"'],
    ['{"1":}', 'expected a value, found "}"'],
    ['{"1":{} "2":{}}', 'expected "," or "}", found "\\""'],
    ['{"1":{},}', 'expected a key in quotes, found "}"'],
    ['{} {}', 'expected the end of the file, found "{"'],
    ['{"\\x":1}', 'expected an escape such as \\n, found "x"'],
    [`{"1":${'['.repeat(101)}${']'.repeat(101)}}`, 'nested deeper than 100 levels'],
  ])('%j', (text, message) => {
    expect(() => read(text)).toThrow(message)
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'LEVER_INPUT' }))
  })

  test.each([
    ['NaN', 'NaN is not a number of JSON'],
    ['-Infinity', '-Infinity is not a number of JSON'],
    ['01', 'expected a value, found "01"'],
    ['1e999', 'beam_score must be number,null, got Infinity'],
    ['"a\nb"', 'expected no control character in a string'],
    ['tru', 'expected a value, found "tru'],
  ])('%s as a score: query, candidate and field', (score, message) => {
    const text = good.replace('"beam_score":1', `\n"beam_score":${score}`)
    const [problem] = problemsOf(text)
    expect(problem).toMatchObject({ severity: 'error', queryId: 42, candidate: 0 })
    expect(problem!.message).toContain(message)
    if (problem!.rule === 'syntax') {
      expect(problem!.message).toMatch(/column \d+, at beam_score/)
      expect(problem!.line).toBe(2)
    }
  })

  test('numbers at the edge of what a double holds', () => {
    const first = read(good.replace('"beam_score":1', '"beam_score":1e308')).queries[0]!
      .pointer_candidates[0]!
    expect(first.beam_score).toBe(1e308)
  })
})

describe('keys', () => {
  test.each([
    [
      'a query twice',
      '{"1":{"query":{},"pointer_candidates":[]},\n"1":{"query":{},"pointer_candidates":[]}}',
      ['duplicate-key'],
    ],
    [
      'a query twice, once escaped',
      '{"1":{"query":{},"pointer_candidates":[]},"\\u0031":{}}',
      ['duplicate-key'],
    ],
    ['a field twice', good.replace('"beam_score":1', '"beam_score":1,"beam_score":2'), ['syntax']],
    ['__proto__ for a query', `{"__proto__":{},${good.slice(1)}`, ['key']],
    ['__proto__ for a field', good.replace('"beam_score":1', '"__proto__":{"x":1}'), ['syntax']],
    ['__proto__ in _meta', good.replace('"_meta":{}', '"_meta":{"__proto__":1}'), ['syntax']],
    ['a word', `{"abc":{},${good.slice(1)}`, ['key']],
    ['a negative id', '{"-1":{}}', ['key']],
    ['leading zeros', '{"007":{}}', ['key']],
    ['an id beyond 2^53', '{"9007199254740993":{}}', ['key']],
  ])('%s', (_, text, rules) => {
    expect(errorRules(text)).toEqual(rules)
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  test('messages say where', () => {
    expect(problemsOf('{"1":{"query":{},"pointer_candidates":[]},\n"1":{}}')).toMatchObject([
      { line: 2 },
      { rule: 'empty' },
    ])
    const twice = good.replace('"beam_score":1', '"beam_score":1,"beam_score":2')
    expect(() => read(twice)).toThrow(
      'data.json, line 1: query 42, candidate 0: the key "beam_score" is given twice',
    )
  })

  test('the largest exact id', () => {
    expect(read('{"9007199254740991":{"query":{},"pointer_candidates":[]}}').queries[0]!.query_id).toBe(
      9007199254740991,
    )
  })
})

describe('encodings', () => {
  test('BOM, CRLF and other spaces change nothing', () => {
    const { queries } = read(good)
    expect(read(`\uFEFF${good}`).queries).toEqual(queries)
    expect(read(good.replaceAll(',', ',\r\n\t ')).queries).toEqual(queries)
  })

  test('UTF-8 that is none, and UTF-16', () => {
    const bytes = bytesOf(good.replace('"beam_score":1', '"gen_method":"x"'))
    bytes[bytes.indexOf(0x78)] = 0xff
    expect(() => parseRlData(bytes)).toThrow('the text is not UTF-8')
    expect(() => parseRlData(Uint8Array.of(0xff, 0xfe, 0x7b, 0))).toThrow('UTF-16; save it as UTF-8')
  })

  test('letters beyond ASCII survive, and places count them', () => {
    const text = good.replace('"beam_score":1', '"gen_method":"größe 🙂"')
    expect(read(text).queries[0]!.pointer_candidates[0]!.gen_method).toBe('größe 🙂')
    const bad = text.replace('"pointer":[5,4]', '"pointer":[5,NaN]')
    const column = Buffer.from(bad).indexOf('NaN') + 1
    expect(problemsOf(bad)[0]!.message).toContain(`column ${column}, at pointer[1]`)
  })

  test('gzip is unpacked; a damaged one is an error', async () => {
    const packed = gzipSync(good)
    expect((await readRlData(file('a.json.gz', packed))).queries).toEqual(read(good).queries)
    const opened = openRlFile(file('b.json.gz', packed))
    expect([...opened.queries()]).toEqual(read(good).queries)
    opened.close()
    await expect(readRlData(file('c.json.gz', packed.subarray(0, 40)))).rejects.toThrow('damaged gzip data')
  })

  test('a gzip file that unpacks to more than the limit is refused, and the limit can be raised', async () => {
    const spaces = gzipSync(good + ' '.repeat(2_000_000))
    expect(spaces.length).toBeLessThan(10_000)
    const path = file('bomb.json.gz', spaces)
    const refused = /bomb\.json\.gz: the file unpacks to more than 1000000 bytes, .* unpack it with gunzip/
    await expect(readRlData(path, { maxUnpackedBytes: 1_000_000 })).rejects.toThrow(refused)
    expect(() => openRlFile(path, { maxUnpackedBytes: 1_000_000 })).toThrow(refused)
    expect((await readRlData(path, { maxUnpackedBytes: 3_000_000 })).queries).toEqual(read(good).queries)
  })
})

describe('files that are something else', () => {
  test.each([
    ['tensors.pt', [0x50, 0x4b, 3, 4], 'a zip file, such as PyTorch tensors'],
    ['old.pth', [0x80, 2, 0x8a], 'a Python pickle'],
    ['x.npy', [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], 'a NumPy array'],
  ])('%s', async (name, bytes, message) => {
    await expect(readRlData(file(name, Uint8Array.from(bytes)))).rejects.toThrow(message)
  })

  test('no file, a folder', async () => {
    await expect(readRlData(join(folder, 'none.json'))).rejects.toThrow('(ENOENT): there is no such file')
    await expect(readRlData(folder)).rejects.toThrow('(EISDIR): it is a folder')
    expect(() => openRlFile(folder)).toThrow('(EISDIR): it is a folder')
    expect(() => openRlFile(join(folder, 'none.json'))).toThrow('(ENOENT)')
  })

  test.each([
    ['{"1":5}', 'query 1: the value must be an object, got 5'],
    ['{"1":{"a":1}}', 'query 1: there is neither pointer_candidates nor id_list'],
    ['{"1":{"pointer_candidates":{}}}', 'query 1: pointer_candidates is not a list'],
    ['{"1":"text"}', 'query 1: the value must be an object, got "text"'],
    ['{"_meta":3}', '_meta must be an object, got 3'],
  ])('%s', (text, message) => expect(() => read(text)).toThrow(message))

  test('an empty object is data without queries', () => {
    expect(read('{}')).toMatchObject({ meta: null, queries: [] })
  })
})

test('a hundred thousand candidates in a query; the bench reads a million', () => {
  const one = '{"pointer":[4,5]}'
  const text = `{"1":{"query":{},"pointer_candidates":[${new Array(100_000).fill(one).join(',')}]}}`
  const { queries, report } = read(text)
  expect(queries[0]!.pointer_candidates).toHaveLength(100_000)
  expect(report.problems.counts.get('duplicate-pointer')).toBe(99_999)
  expect(report.problems.listed).toHaveLength(20)
})

test('a pointer of a hundred thousand ids, and a pool with a late repetition', () => {
  const ids = Array.from({ length: 100_000 }, (_, i) => i + 10)
  expect(errorRules({ 1: { query: {}, pointer_candidates: [{ pointer: [...ids, 10] }] } })).toEqual([
    'pointer-duplicate',
  ])
  expect(errorRules({ 1: { query: {}, candidate_pool_ids: [...ids, 10], pointer_candidates: [] } })).toEqual([
    'pool-duplicate',
  ])
})

test('isInputError tells our errors from others', () => {
  expect(isInputError(new Error('x'))).toBe(false)
})
