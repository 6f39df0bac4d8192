import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import {
  journalHeaderLine,
  journalLine,
  openJournal,
  parseJournalLine,
  readJournal,
  readJournalHeader,
  startsLikeJournal,
} from '../src/index.ts'

const folder = await mkdtemp(join(tmpdir(), 'lever-lines-'))

test('lines written by hand are those that a journal writes and reads', async () => {
  const [header, value] = [
    { b: [1], a: 'x' },
    { score: 0.3, text: 'é "quoted"' },
  ]
  const [byHand, opened] = [join(folder, 'hand.jsonl'), join(folder, 'opened.jsonl')]
  await writeFile(byHand, journalHeaderLine(header) + journalLine('k', value))
  const journal = await openJournal({ path: opened, header })
  await journal.append('k', value)
  await journal.close()
  for (const path of [byHand, opened]) {
    expect(await readJournal(path)).toMatchObject({ header, entries: [{ key: 'k', value }], tornBytes: 0 })
    expect(await readJournalHeader(path)).toEqual(header)
  }
})

test('an own encoder keeps the order of fields', () => {
  expect(journalLine('k', { b: 1, a: 2 }, JSON.stringify)).toBe('{"key":"k","value":{"b":1,"a":2}}\n')
  expect(journalLine('k', { b: 1, a: 2 })).toBe('{"key":"k","value":{"a":2,"b":1}}\n')
})

test('a line that is none is described', () => {
  const why = (text: string) => parseJournalLine(Buffer.from(text))
  expect(why('{"journal":1}')).toEqual({ journal: 1, header: null })
  expect(why('{"journal":2}')).toBe('it is a journal of version 2, this program reads version 1')
  expect(why('{"key":1,"value":2}')).toBe('it has no "key" (a string) and "value"')
  expect(why('{"key":"a"}')).toBe('it has no "key" (a string) and "value"')
  expect(why('null')).toBe('it is not an object')
  expect(why('{')).toBe('it is not JSON')
  expect(parseJournalLine(Uint8Array.of(0xff))).toBe('it is not UTF-8')
})

test('a journal is known by its beginning, of any version', async () => {
  expect(startsLikeJournal(' { "journal" : 7')).toBe(true)
  expect(startsLikeJournal('{"question":"journal"}')).toBe(false)
  const other = join(folder, 'other.jsonl')
  await writeFile(other, '{"question":"x"}\n')
  expect(await readJournalHeader(other)).toBeUndefined()
  await writeFile(other, '')
  expect(await readJournalHeader(other)).toBeUndefined()
  await expect(readJournalHeader(join(folder, 'gone'))).rejects.toThrow(/gone/)
})
