import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { openJournal, readJournal } from '../src/index.ts'
import { temporaryFolder } from './support/temporary.ts'

const header = { protocol: { model: 'tiny', beams: 1 }, shots: [1, 2] }
let path: string
beforeEach(async () => {
  path = join(await temporaryFolder(), 'outcomes.jsonl')
})

async function filled(count = 3): Promise<string> {
  const journal = await openJournal<number>({ path, header })
  for (let i = 1; i <= count; i++) await journal.append(`k${i}`, i)
  await journal.close()
  return readFile(path, 'utf8')
}

test('a new journal is a header line and one line per value, keys sorted', async () => {
  const journal = await openJournal({ path, header })
  expect(journal.resumed).toEqual({ lines: 0, tornBytes: 0 })
  expect(await journal.append('a', { y: 1, x: 'é' })).toBe('written')
  expect(await journal.append('b', null)).toBe('written')
  await journal.close()
  expect(await readFile(path, 'utf8')).toBe(
    '{"journal":1,"header":{"protocol":{"beams":1,"model":"tiny"},"shots":[1,2]}}\n' +
      '{"key":"a","value":{"x":"é","y":1}}\n{"key":"b","value":null}\n',
  )
  expect(await readdir(join(path, '..'))).toEqual(['outcomes.jsonl'])
})

describe.each([true, false])('keepValues %p', (keepValues) => {
  test('resume knows every key and value, in order', async () => {
    await filled()
    const journal = await openJournal<number>({ path, header, keepValues })
    expect(journal.resumed).toEqual({ lines: 3, tornBytes: 0 })
    await journal.append('k4', 4)
    expect([...journal.entries()]).toEqual([
      ['k1', 1],
      ['k2', 2],
      ['k3', 3],
      ['k4', 4],
    ])
    expect([journal.size, journal.get('k2'), journal.get('none'), journal.has('none')]).toEqual([
      4,
      2,
      undefined,
      false,
    ])
    await journal.close()
  })

  test('onLine sees every line that is there, and which repeat a key', async () => {
    await filled(2)
    await appendFile(path, '{"key":"k1","value":7}\n{"key":"k3"')
    const lines: unknown[] = []
    const journal = await openJournal<number>({
      path,
      header,
      keepValues,
      onLine: (...line) => lines.push(line),
    })
    expect(lines).toEqual([
      ['k1', 1, { lineNumber: 2, repeated: false }],
      ['k2', 2, { lineNumber: 3, repeated: false }],
      ['k1', 7, { lineNumber: 4, repeated: true }],
    ])
    await journal.append('k4', 4)
    expect(lines).toHaveLength(3)
    await journal.close()
  })

  test('the first value stays, others are counted', async () => {
    const journal = await openJournal<unknown>({ path, header, keepValues })
    expect(await journal.append('a', { x: 1, y: 2 })).toBe('written')
    expect(await journal.append('a', { y: 2, x: 1 })).toBe('same')
    expect(await journal.append('a', { x: 1 })).toBe('conflict')
    const both = await Promise.all([journal.append('b', 1), journal.append('b', 2), journal.append('b', 1)])
    expect(both).toEqual(['written', 'conflict', 'same'])
    expect([journal.conflicts, journal.get('a'), journal.get('b')]).toEqual([2, { x: 1, y: 2 }, 1])
    await journal.close()
    await appendFile(path, '{"key":"b","value":3}\n{"key":"a","value":{"y":2,"x":1}}\n')
    const again = await openJournal<unknown>({ path, header, keepValues })
    expect([again.conflicts, again.size, again.get('b')]).toEqual([1, 2, 1])
    await again.close()
  })

  test('keys and values with __proto__ are ordinary', async () => {
    const journal = await openJournal<unknown>({ path, header, keepValues })
    const value: unknown = JSON.parse('{"__proto__":{"admin":true}}')
    expect(journal.has('__proto__')).toBe(false)
    await journal.append('__proto__', value)
    await journal.append('constructor', 1)
    await journal.close()
    const again = await openJournal<object>({ path, header, keepValues })
    expect([...again.entries()].map(([key]) => key)).toEqual(['__proto__', 'constructor'])
    expect(JSON.stringify(again.get('__proto__'))).toBe('{"__proto__":{"admin":true}}')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
    await again.close()
  })

  test('a long value crosses buffers', async () => {
    const long = 'ä'.repeat(1_500_000)
    const journal = await openJournal<string>({ path, header, keepValues })
    await Promise.all([journal.append('a', 'x'), journal.append('b', long), journal.append('c', 'y')])
    await journal.close()
    const again = await openJournal<string>({ path, header, keepValues })
    expect([again.get('a'), again.get('b') === long, again.get('c')]).toEqual(['x', true, 'y'])
    await again.close()
  })
})

describe('torn and corrupt files', () => {
  test('a file cut at any byte loses only the line that is cut', async () => {
    const text = await filled()
    const ends = Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)
    for (let cut = ends[0]!; cut <= text.length; cut++) {
      await writeFile(path, text.slice(0, cut))
      const whole = ends.filter((end) => end <= cut + 1).length - 1
      const journal = await openJournal<number>({ path, header })
      const kept = ends[whole]! - 1 === cut ? cut : ends[whole]!
      expect(journal.resumed).toEqual({ lines: whole, tornBytes: cut - kept })
      await journal.append('next', 9)
      await journal.close()
      const { entries, tornBytes } = await readJournal(path)
      expect(tornBytes).toBe(0)
      expect(entries.map(({ key }) => key)).toEqual(['k1', 'k2', 'k3'].slice(0, whole).concat('next'))
    }
  })

  test('reading a torn file reports it and leaves it', async () => {
    const text = await filled()
    await writeFile(path, text.slice(0, -5))
    const { header: found, entries, tornBytes } = await readJournal<number>(path)
    expect([found, entries.length, tornBytes]).toEqual([header, 2, 18])
    expect((await stat(path)).size).toBe(text.length - 5)
  })

  test('zeros after a power cut are a torn tail', async () => {
    await filled()
    await appendFile(path, Buffer.alloc(5000))
    const journal = await openJournal({ path, header })
    expect(journal.resumed).toEqual({ lines: 3, tornBytes: 5000 })
    await journal.close()
  })

  test.each([
    ['not json at all', 'it is not JSON'],
    ['{"key":"k2","val', 'it is not JSON'],
    ['{"key":2,"value":2}', 'it has no "key"'],
    ['{"key":"k2"}', 'it has no "key"'],
    ['[]', 'it has no "key"'],
    ['7', 'it is not an object'],
    ['{"journal":1,"header":{}}', 'a second header'],
    ['{"key":"k2","value":"\xff"}', 'it is not UTF-8'],
    ['', 'it is not JSON'],
  ])('a corrupt line in the middle is named: %s', async (line, why) => {
    const text = await filled()
    const lines = text.split('\n')
    lines[2] = line
    await writeFile(path, Buffer.from(lines.join('\n'), 'latin1'))
    const message = `durable-files: ${path}, line 3: ${why}`
    for (const read of [openJournal({ path, header }), readJournal(path)]) {
      await expect(read).rejects.toMatchObject({ code: 'LEVER_INPUT', name: 'InputError' })
      await expect(read).rejects.toThrow(message)
    }
    expect(await readdir(join(path, '..'))).toEqual(['outcomes.jsonl'])
  })

  test.each(['', 'x', '{"journal":2,"header":{}}\n', '{"key":"a","value":1}\n', '{"journal":1,"header":{'])(
    'a file that is not a journal is refused: %p',
    async (text) => {
      await writeFile(path, text)
      await expect(readJournal(path)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
      if (text !== '')
        await expect(openJournal({ path, header })).rejects.toMatchObject({ code: 'LEVER_INPUT' })
      expect(await readFile(path, 'utf8')).toBe(text)
    },
  )
})

test('another header is refused, naming what differs', async () => {
  await filled()
  const other = { protocol: { model: 'large', beams: 1, system: 'be brief' } }
  const opening = openJournal({ path, header: other })
  await expect(opening).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  await expect(opening).rejects.toThrow(
    'protocol.model: "tiny" there, "large" here; protocol.system: nothing there, "be brief" here; ' +
      'shots: [1,2] there, nothing here; use another path',
  )
})

test('what JSON cannot say is refused and nothing is written', async () => {
  const text = await filled()
  const journal = await openJournal<unknown>({ path, header })
  await expect(journal.append('n', { a: [Number.NaN] })).rejects.toThrow('NaN at $.a[0]')
  await expect(journal.append('n', undefined)).rejects.toThrow(TypeError)
  expect(journal.has('n')).toBe(false)
  await journal.close()
  await expect(journal.append('n', 1)).rejects.toThrow('is closed')
  await journal.close()
  expect(await readFile(path, 'utf8')).toBe(text)
})

test('a value changed by the caller after the append is not changed in the journal', async () => {
  const journal = await openJournal<{ list: number[]; gone?: number | undefined }>({ path, header })
  const value = { list: [1], gone: undefined }
  await journal.append('a', value)
  value.list.push(2)
  expect(journal.get('a')).toStrictEqual({ list: [1] })
  await journal.close()
})

test('thousands of concurrent appends keep their order', async () => {
  const journal = await openJournal<number>({ path, header, syncEvery: 100 })
  await Promise.all(Array.from({ length: 5000 }, (_, i) => journal.append(`k${i}`, i)))
  await journal.flush()
  const { entries } = await readJournal<number>(path)
  expect(entries.map(({ value }) => value)).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  await journal.close()
})

test('a bad syncEvery is refused', async () => {
  await expect(openJournal({ path, header, syncEvery: 0 })).rejects.toThrow(RangeError)
})
