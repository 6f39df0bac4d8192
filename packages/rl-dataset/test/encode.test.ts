import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { encodeRlData, parseRlData, type RlCandidate, type RlData } from '../src/index.ts'
import { candidate, read } from './helpers.ts'

const golden = (style: string): RlData => {
  const url = new URL(`../../../fixtures/golden/rl-dataset/rl_${style}.json`, import.meta.url)
  return parseRlData(readFileSync(url))
}
const reread = (bytes: Uint8Array): RlData => parseRlData(bytes)
const withoutRanks = ({ queries }: RlData): unknown =>
  queries.map((query) => ({
    ...query,
    query: { ...query.query, query_id: query.query_id },
    pointer_candidates: query.pointer_candidates.map((each) => ({ ...each, rank: 0 })),
  }))

describe('encodeRlData', () => {
  test.each(['global', 'pos', 'local'])('rl_%s.json survives json, jsonl and back', (style) => {
    const data = golden(style)
    const json = encodeRlData(data)
    const again = reread(json.bytes)
    expect(withoutRanks(again)).toEqual(withoutRanks(data))
    const fromJournal = reread(encodeRlData(data, { format: 'jsonl' }).bytes)
    expect(withoutRanks(fromJournal)).toEqual(withoutRanks(data))
    expect(encodeRlData(again).bytes).toEqual(json.bytes)
    expect([json.queries, json.dropped.size]).toEqual([25, 0])
  })

  test('says what it wrote in _meta', () => {
    expect(reread(encodeRlData(golden('local'), { history: { op: 'convert' } }).bytes).meta).toEqual({
      schema: 'lever-rl',
      schema_version: '5.0',
      index_space: 'local',
      shot_num: 2,
      history: [{ op: 'convert' }],
      note: 'meta is not a query',
      version: 'v4',
    })
    expect(reread(encodeRlData(golden('global')).bytes).meta).toMatchObject({ index_space: 'global' })
  })

  test('every property of a canonical file survives', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0)
    const unit = fc.double({ min: 0, max: 1, noNaN: true }).map((x) => x + 0)
    const outcome = fc.record(
      {
        gen_method: fc.string(),
        beam_score: fc.option(number),
        vqa_pred_answer: fc.string(),
        vqa_correct: fc.constantFrom(0, 1),
        vqa_acc_score: unit,
        vqa_eval_mode: fc.constantFrom('file', 'fallback', 'error'),
        shots: fc.array(fc.record({ k: fc.integer({ min: 1, max: 4 }), vqa_acc_score: unit }), {
          maxLength: 2,
        }),
        eval_failed: fc.boolean(),
      },
      { requiredKeys: ['gen_method', 'vqa_correct'] },
    )
    const pointer = fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 2, maxLength: 2 })
    const pool = [100, 101, 102, 103, 104, 105, 106, 107]
    const candidates = fc.array(fc.tuple(pointer, outcome), { maxLength: 6 }).map((list) =>
      list.map(([positions, fields], rank) => ({
        pointer: positions,
        pointer_global: positions.map((i) => pool[i]!),
        ...fields,
        rank,
      })),
    )
    fc.assert(
      fc.property(
        fc.array(candidates, { maxLength: 4 }),
        fc.constantFrom('json' as const, 'jsonl' as const),
        (lists, format) => {
          const queries = lists.map((pointer_candidates, query_id) => ({
            query_id,
            query: { query_id, question: 'q' },
            candidate_pool_ids: pool,
            pointer_candidates: pointer_candidates.filter(
              ({ gen_method }) => !gen_method.startsWith('global_positive'),
            ),
          }))
          expect(reread(encodeRlData({ meta: null, queries }, { format }).bytes).queries).toEqual(queries)
        },
      ),
    )
  })

  test('original: positions with a pool, ids without, no empty queries, no copied outcomes', () => {
    const data = read({
      1: { query: {}, pointer_candidates: [] },
      2: { query: {}, pointer_candidates: [candidate([4, 5], 1, { pointer_pos: [0, 1] })] },
      3: {
        query: {},
        candidate_pool_ids: [10, 11],
        pointer_candidates: [
          candidate([1, 0], 1, { pointer_global: [11, 10] }),
          candidate([0, 1], 1, { pointer_global: [10, 11], source_queries: [2] }),
        ],
      },
    })
    const { bytes, dropped } = encodeRlData(data, { format: 'original' })
    expect(Object.fromEntries(dropped)).toEqual({ 'query.empty': 1, 'candidate.transferred_reward': 1 })
    const written = JSON.parse(new TextDecoder().decode(bytes)) as Record<
      string,
      Record<string, RlCandidate[]>
    >
    expect(Object.keys(written).filter((key) => !/^\d+$/.test(key))).toEqual(['_meta'])
    expect(written['2']!['pointer_candidates']![0]).not.toHaveProperty('pointer_pos')
    expect(written['2']!['pointer_candidates']![0]).not.toHaveProperty('pointer_global')
    expect(written['2']).not.toHaveProperty('candidate_pool_ids')
    expect(written['3']!['pointer_candidates']).toMatchObject([{ pointer: [1, 0], pointer_global: [11, 10] }])
  })

  test('refuses numbers that JSON cannot hold', () => {
    const bad = {
      query_id: 1,
      query: {},
      candidate_pool_ids: null,
      pointer_candidates: [{ pointer: [1], beam_score: Number.NaN }],
    }
    expect(() => encodeRlData({ meta: null, queries: [bad] })).toThrow(
      'beam_score is NaN, which JSON cannot hold',
    )
  })
})
