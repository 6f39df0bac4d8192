import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bytesInMemory,
  linesOf,
  parseStrict,
  placeFinder,
  placeOf,
  readValue,
  scanEntries,
  type ByteSource,
} from '../src/index.ts'
import { openFileSource, streamRows, unpackLimit, type Layout, type StreamOptions } from '../src/node.ts'

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'json-text-'))))
afterAll(() => rmSync(folder, { recursive: true }))

function file(content: string | Uint8Array, name = 'rows.json'): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

interface Read {
  rows: unknown[]
  places: number[]
  fields: string[]
}

async function read(path: string, layout: Layout, options: StreamOptions = {}): Promise<Read> {
  const result: Read = { rows: [], places: [], fields: [] }
  await streamRows(
    path,
    {
      list: 'rows',
      layout: () => layout,
      begin: () => (result.rows.length = result.places.length = 0),
      row(c, where) {
        const value = readValue(c)
        result.rows.push(value instanceof Map ? Object.fromEntries(value) : value)
        result.places.push(where)
      },
      field(c, name) {
        readValue(c)
        result.fields.push(name)
      },
    },
    options,
  )
  return result
}

describe('streamRows', () => {
  const rows = [{ id: 1, text: 'größe "x" \\' }, { id: 2, text: '\u{1f600}\ud800' }, { id: 3 }]
  const layouts: [Layout, string][] = [
    ['array', JSON.stringify(rows)],
    ['object', JSON.stringify({ info: [1, { a: 2 }], rows, license: 'x' }, null, 2)],
    ['lines', rows.map((row) => `${JSON.stringify(row)}\r\n\n`).join('')],
  ]

  test.each(layouts)('%s: the same in windows of any size', async (layout, text) => {
    const path = file(text)
    for (const chunkSize of [1, 2, 3, 7, 64, 1 << 20]) {
      const hash = createHash('sha256')
      const { rows: found, places } = await read(path, layout, { chunkSize, hash })
      expect(found).toEqual(rows)
      expect(places).toEqual(layout === 'lines' ? [1, 3, 5] : [0, 1, 2])
      expect(hash.digest('hex')).toBe(createHash('sha256').update(text).digest('hex'))
    }
  })

  test('a list that is there twice counts once, the last time', async () => {
    const { rows: found } = await read(file('{"rows":[{"id":9}],"rows":[{"id":1}]}'), 'object')
    expect(found).toEqual([{ id: 1 }])
  })

  test.each<[string, string | Uint8Array, Layout, string]>([
    [
      'a fault in a row',
      '{"rows": [\n  {"id": 1},\n  {"id" 2}]}',
      'object',
      'line 3, column 9 (byte 32), rows[1]: expected ":", found "2"; correct the file',
    ],
    ['a fault in a list', '[1,\n2 3]', 'array', 'line 2, column 3 (byte 6): expected "," or "]", found "3"'],
    [
      'a fault in a line',
      '{"a":1}\n{"a":}',
      'lines',
      'line 2, column 6 (byte 13): expected a value, found "}"',
    ],
    [
      'two on one line',
      '{"a":1} {"a":2}',
      'lines',
      'line 1, column 9 (byte 8): expected a new line, found "{"',
    ],
    [
      'cut off',
      '[{"id":1},{"id"',
      'array',
      'line 1, column 16 (byte 15), row 2: the text ends where ":" should follow; it is cut off',
    ],
    ['nothing', '', 'array', 'line 1, column 1 (byte 0): the text is empty'],
    [
      'UTF-16 with a mark',
      Buffer.from('\ufeff[1]', 'utf16le'),
      'array',
      'is not JSON but UTF-16; save it as UTF-8',
    ],
    ['UTF-16 without', Buffer.from('[1]', 'utf16le'), 'array', 'is not JSON but UTF-16; save it as UTF-8'],
    ['a byte-order mark', '\ufeff[1]', 'array', 'save it as UTF-8 without one'],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0), 'array', 'is not JSON but gzip; unpack it first'],
    [
      'a pointer of Git LFS',
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n',
      'array',
      'fetch the file with git lfs pull',
    ],
    ['a web page', '<!DOCTYPE html><title>Sign in</title>', 'array', 'is not JSON but a web page'],
    ['.npz', npz(), 'array', 'is not JSON but NumPy arrays in a zip file (.npz)'],
    ['.npy', Buffer.from('\x93NUMPY\x01\x00', 'latin1'), 'array', 'is not JSON but a NumPy array (.npy)'],
  ])('%s', async (name, content, layout, message) => {
    const path = file(content, name.replaceAll(' ', '-'))
    await expect(read(path, layout)).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringContaining(path),
    })
    await expect(read(path, layout)).rejects.toThrow(message)
  })

  test('a missing file, a folder', async () => {
    await expect(read(join(folder, 'no'), 'array')).rejects.toThrow('there is no such file; check the path')
    await expect(read(folder, 'array')).rejects.toThrow('it is a folder; give a file')
  })
})

/** The start of a zip file whose first entry is an array. */
function npz(): Buffer {
  const name = 'embeddings.npy'
  const head = Buffer.alloc(30)
  head.write('PK\x03\x04', 'latin1')
  head.writeUInt16LE(name.length, 26)
  return Buffer.concat([head, Buffer.from(name)])
}

describe('scanEntries', () => {
  /** A source that is read a few bytes at a time. */
  const inPieces = (text: string): ByteSource => bytesInMemory(Buffer.from(text))

  test('finds every value, and its number of keys', () => {
    const value = fc.jsonValue({ maxDepth: 3 })
    const object = fc.dictionary(fc.string({ maxLength: 5 }), value, { noNullPrototype: true })
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1), (given, indent) => {
        const text = JSON.stringify(given, null, indent)
        const source = inPieces(text)
        const found = scanEntries(source).map(({ key, start, end }) => [
          key,
          JSON.parse(Buffer.from(source.read(start, end)).toString()) as unknown,
        ])
        expect(found).toEqual(Object.entries(JSON.parse(text) as object))
      }),
    )
  })

  test('values and strings longer than a window', () => {
    const long = 'a"\\\u0000é'.repeat(100_000)
    const text = JSON.stringify({
      before: 1,
      [long]: [{ long }],
      after: long,
      end: { a: 1, b: { a: 2 } },
    })
    const entries = scanEntries(inPieces(text))
    expect(entries.map(({ keys }) => keys)).toEqual([0, 1, 0, 3])
    const bytes = Buffer.from(text)
    const values = entries.map(({ start, end }) => bytes.subarray(start, end).toString())
    expect(JSON.parse(values[1]!)).toEqual([{ long }])
    expect(JSON.parse(values[2]!)).toBe(long)
    expect(values[3]).toBe('{"a":1,"b":{"a":2}}')
  })

  test('cut off inside of a long value', () => {
    const text = `{"1":["${'x'.repeat(3_000_000)}`
    expect(() => scanEntries(inPieces(text))).toThrow(
      'the text ends where the rest of the value should follow',
    )
    expect(() => scanEntries(inPieces(`${text}\\`))).toThrow('it is cut off')
  })
})

test('lines and places of a file longer than a chunk', () => {
  const lines = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(i * 7_000)}`)
  const source = openFileSource(file(lines.join('\n')))
  try {
    const found = Array.from(linesOf(source), ({ start, bytes }) => [start, Buffer.from(bytes).toString()])
    expect(found.map(([, text]) => text)).toEqual(lines)
    const find = placeFinder(source)
    for (const [i, [start]] of found.entries()) {
      const place = { line: i + 1, column: 2, byte: (start as number) + 1 }
      expect(find((start as number) + 1)).toEqual(place)
      expect(placeOf(source, (start as number) + 1)).toEqual(place)
    }
  } finally {
    source.close()
  }
})

test('a value with a key twice is found at the speed of JSON.parse: by its number of keys', () => {
  const text = Buffer.from('{"a":{"b":1,"b":2}}')
  expect(() => parseStrict(text, 3)).toThrow('the key "b" is given twice')
  expect(parseStrict(Buffer.from('{"a":"{:\\"b\\":1"}'))).toEqual({ a: '{:"b":1' })
})

test('the limit of what is unpacked is 1 GiB, or what the variable says', () => {
  expect(unpackLimit('')).toBe(2 ** 30)
  expect(unpackLimit('5000')).toBe(5000)
  expect(() => unpackLimit('5 GB')).toThrow('LEVER_MAX_UNPACKED_BYTES is "5 GB"; give a number of bytes')
})
