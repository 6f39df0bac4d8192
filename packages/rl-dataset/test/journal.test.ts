import { openJournal, readJournal } from '@lever/durable-files'
import { createRandom } from '@lever/reward-utils'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildGroups, encodeRlData, toRlData, type RlData } from '../src/index.ts'
import { openRlFile, readRlData } from '../src/node.ts'
import { candidate, indexUpTo, problemsOf, read } from './helpers.ts'

const meta = { schema: 'lever-rl', schema_version: '5.0', shot_num: 2, protocol: { hash: 'p1' } }
const header = { _meta: meta }
const pool = [10, 11, 12, 13]
const query = (id: number): { key: string; value: object } => ({
  key: `query:${id}`,
  value: { query: { query_id: id, image_id: id }, candidate_pool_ids: pool },
})
const outcome = (
  id: number,
  pointer: number[],
  accuracy: number,
  more: object = {},
): { key: string; value: object } => ({
  key: `${id}/${pointer.join('-')}`,
  value: { query_id: id, ...candidate(pointer, accuracy), ...more },
})
const entries = [
  query(5),
  outcome(5, [0, 1], 1),
  query(2),
  outcome(2, [3, 0], 0),
  outcome(5, [1, 0], 0),
  outcome(2, [1, 2], 0.6),
  outcome(2, [1, 0], 0.3),
]
const text = (lines: readonly { key: string; value: unknown }[], head: unknown = header): string =>
  [{ journal: 1, header: head }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('')

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'rl-journal-'))))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a journal', () => {
  test('has the plans of its pointers in `_meta`, and no query of theirs', () => {
    const plans = [
      { mix: [], size: 4, embeddings: { kind: 'text' } },
      { mix: [], size: 8 },
    ]
    const lines = [
      { key: 'plan:1', value: plans[1]! },
      ...entries,
      { key: 'plan:0', value: plans[0]! },
      { key: 'plan:0', value: { mix: [], size: 99 } },
      { key: 'plan:1:5', value: { query_id: 5, first_rank: 2, planned: 4 } },
    ]
    const { queries, meta: found } = read(text(lines, { _meta: { ...meta, generator: { name: 'lever' } } }))
    expect(queries).toEqual(read(text(entries)).queries)
    expect(found).toMatchObject({ generator: { name: 'lever', plans }, embeddings: { kind: 'text' } })
  })

  test('is read into queries sorted by id, candidates by pointer', () => {
    const { queries, report } = read(text(entries))
    expect(report.form).toBe('jsonl')
    expect(queries.map(({ query_id }) => query_id)).toEqual([2, 5])
    expect(
      queries[0]!.pointer_candidates.map(({ pointer, pointer_global }) => [pointer, pointer_global]),
    ).toEqual([
      [
        [1, 0],
        [11, 10],
      ],
      [
        [1, 2],
        [11, 12],
      ],
      [
        [3, 0],
        [13, 10],
      ],
    ])
    expect(queries[0]!.pointer_candidates[0]).not.toHaveProperty('query_id')
  })

  test('rank goes before pointer', () => {
    const ranked = [
      query(2),
      outcome(2, [0, 1], 1, { rank: 2 }),
      outcome(2, [3, 1], 1, { rank: 0 }),
      outcome(2, [2, 1], 1, { rank: 1 }),
    ]
    expect(read(text(ranked)).queries[0]!.pointer_candidates.map(({ pointer }) => pointer[0])).toEqual([
      3, 2, 0,
    ])
  })

  test('the order of measuring does not matter', () => {
    const expected = read(text(entries)).queries
    for (let seed = 0; seed < 20; seed++) {
      const shuffled = createRandom(seed).shuffle(entries)
      expect(read(text(shuffled)).queries).toEqual(expected)
      expect(toRlData(header, shuffled).queries).toEqual(expected)
    }
  })

  test('ids in pointer, where _meta says so', () => {
    const lines = [query(2), outcome(2, [12, 10], 1)]
    const { queries } = read(text(lines, { _meta: { ...meta, index_space: 'global' } }))
    expect(queries[0]!.pointer_candidates[0]).toMatchObject({ pointer: [2, 0], pointer_global: [12, 10] })
  })

  test('as durable-files writes it', async () => {
    const path = join(folder, 'written.jsonl')
    const journal = await openJournal<object>({ path, header })
    for (const { key, value } of entries) await journal.append(key, value)
    await journal.close()
    const data = await readRlData(path)
    expect(data.queries).toEqual(read(text(entries)).queries)
    const { header: found, entries: lines } = await readJournal<object>(path)
    expect(toRlData(found, lines).queries).toEqual(data.queries)
    expect(data.meta).toEqual(meta)
  })

  test('a query without outcomes is kept', () => {
    expect(read(text([query(9)])).queries).toMatchObject([{ query_id: 9, pointer_candidates: [] }])
  })
})

describe('a damaged journal', () => {
  test('a torn last line is left out and reported', () => {
    const whole = text(entries)
    const torn = whole.slice(0, -20)
    const { queries, report } = read(torn)
    expect(queries[0]!.pointer_candidates).toHaveLength(2)
    const lastLine = whole.trimEnd().lastIndexOf('\n') + 1
    expect(report.tornBytes).toBe(torn.length - lastLine)
    expect(problemsOf(torn)).toMatchObject([{ severity: 'warning', rule: 'torn', line: 8 }])
  })

  test('a damaged line before it is an error with its number', () => {
    const lines = text(entries).split('\n')
    lines[3] = lines[3]!.slice(0, 30)
    expect(() => read(lines.join('\n'))).toThrow(
      'data.json, line 4: the text ends where the end of a string should follow; it is cut off; restore the file from a copy',
    )
    lines[3] = '{"key":5}'
    expect(() => read(lines.join('\n'))).toThrow('line 4: it has no "key" (a string) and "value"')
    lines[3] = '{"key":"k","value":5}'
    expect(() => read(lines.join('\n'))).toThrow('line 4: its "value" is not an object')
    lines[3] = ''
    expect(() => read(lines.join('\n'))).toThrow('line 4')
  })

  test('outcomes without the line of their query, and without a query id', () => {
    expect(problemsOf(text([outcome(5, [0, 1], 1)]))).toMatchObject([
      { rule: 'journal-line', message: 'there is no line query:5 with the question and the pool', line: 2 },
    ])
    expect(problemsOf(text([{ key: 'x', value: { pointer: [1, 2] } }]))).toMatchObject([
      { rule: 'journal-line', line: 2 },
    ])
  })

  test('the first line of a key counts; others are reported', () => {
    const again = [...entries, outcome(5, [0, 1], 1), outcome(5, [1, 0], 1)]
    expect(read(text(again)).queries).toEqual(read(text(entries)).queries)
    expect(problemsOf(text(again)).map(({ rule, line }) => [rule, line])).toEqual([
      ['journal-repeat', 9],
      ['journal-conflict', 10],
    ])
  })

  test('errors of an outcome have its line', () => {
    const [problem] = problemsOf(text([query(5), outcome(5, [1, 2], 1), outcome(5, [0, 9], 1)]))
    expect(problem).toMatchObject({ rule: 'pointer-range', queryId: 5, candidate: 0, line: 4 })
  })

  test('another version, and a header that is none', () => {
    expect(() => read('{"journal":2,"header":{}}\n')).toThrow(
      'line 1: it is a journal of version 2, this program reads version 1',
    )
    expect(() => read('{"journal":1,"head\n')).toThrow('line 1')
  })
})

describe('reading one query at a time', () => {
  test('gives the same queries, from a journal and from JSON larger than a chunk', async () => {
    const queries = Array.from({ length: 600 }, (_, id) => ({
      query_id: id,
      query: { query_id: id, question: `größe ${id} "\\ ${'x'.repeat(1500 + (id % 700))}` },
      candidate_pool_ids: pool.map((each) => each + 5000),
      pointer_candidates: [
        [0, 1],
        [1, 2],
      ].map((pointer, rank) => ({ pointer, pointer_global: pointer.map((i) => pool[i]! + 5000), rank })),
    }))
    const data: RlData = { meta, queries }
    for (const format of ['json', 'jsonl'] as const) {
      const path = join(folder, `large.${format}`)
      writeFileSync(path, encodeRlData(data, { format }).bytes)
      expect(readFileSync(path).length).toBeGreaterThan(1 << 20)
      const file = openRlFile(path)
      const streamed = [...file.queries()]
      file.close()
      expect(JSON.stringify(streamed)).toBe(JSON.stringify(queries))
      expect(JSON.stringify((await readRlData(path)).queries)).toBe(JSON.stringify(queries))
      expect(file.problems.errors).toBe(0)
    }
  })

  test('groups can be built from it', () => {
    const { groups } = buildGroups(read(text(entries)), indexUpTo(20))
    expect(groups.map(({ queryId, size, shots }) => [queryId, size, shots])).toEqual([
      [2, 3, 2],
      [5, 2, 2],
    ])
  })
})
