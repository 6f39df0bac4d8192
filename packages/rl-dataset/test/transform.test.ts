import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import {
  FILTERS,
  FILTER_NAMES,
  encodeRlData,
  filterRlData,
  mergeRlData,
  parseFilterStep,
  parseRlData,
  pointerIds,
  renderFilter,
  renderMerge,
  formatStep,
  type FilterStep,
  type RlCandidate,
  type RlData,
} from '../src/index.ts'
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

describe('mergeRlData', () => {
  const meta = { schema: 'lever-rl', protocol: { hash: 'a' }, history: [{ op: 'generate' }], shot_num: 2 }
  const part = (queries: Record<number, unknown[]>, more: object = {}): RlData =>
    read({
      _meta: { ...meta, ...more },
      ...Object.fromEntries(
        Object.entries(queries).map(([id, pointer_candidates]) => [id, { query: {}, pointer_candidates }]),
      ),
    })
  const merge = (parts: RlData[], options = {}): ReturnType<typeof mergeRlData> =>
    mergeRlData(
      parts.map((data, i) => ({ file: `${i}.json`, data, sha256: `${i}` })),
      options,
    )

  test('joins files, and queries that stand in several', () => {
    const a = part(
      { 1: [candidate([4, 5], 1)], 3: [candidate([4, 5], 0)] },
      { train_ids: [3, 1], shards: [{ file: 's0', range: [0, 10] }] },
    )
    const b = part(
      { 2: [candidate([4, 5], 1)], 3: [candidate([4, 5], 0), candidate([5, 4], 1)] },
      { train_ids: [2], shards: [{ file: 's2', range: [20, 30] }] },
    )
    const { data, summary } = merge([a, b], { at: '2026-01-01T00:00:00Z' })
    expect(summary).toEqual({
      files: 2,
      queries: 3,
      candidates: 4,
      sharedQueries: 1,
      repeated: 1,
      conflicts: 0,
      gaps: [[10, 20]],
    })
    expect(data.queries.map(({ query_id }) => query_id)).toEqual([1, 2, 3])
    expect(data.meta).toMatchObject({
      train_ids: [1, 2, 3],
      shards: [{ file: 's0' }, { file: 's2' }],
      history: [
        { op: 'generate' },
        {
          op: 'merge',
          at: '2026-01-01T00:00:00Z',
          params: {
            files: [
              { file: '0.json', sha256: '0' },
              { file: '1.json', sha256: '1' },
            ],
          },
        },
      ],
    })
    expect(renderMerge(summary)).toContain('2 files: 3 queries, 4 candidates')
    expect(renderMerge(summary)).toContain('no shard covers 10 to 20')
  })

  test('repetitions inside one file stay', () => {
    const twice = part({ 1: [candidate([4, 5], 1), candidate([4, 5], 1)] })
    expect(merge([twice, part({ 2: [] })]).summary.candidates).toBe(2)
  })

  test('a file that contradicts itself can be merged with itself', () => {
    const odd = part({ 1: [candidate([4, 5], 1), candidate([4, 5], 0)] })
    expect(merge([odd, odd]).summary).toMatchObject({ candidates: 2, repeated: 2, conflicts: 0 })
    const third = part({ 1: [candidate([4, 5], 0.3)] })
    expect(() => merge([odd, third])).toThrow('vqa_acc_score is 1 and 0.3')
  })

  test('parts that share a query are an error', () => {
    const one = { 1: [candidate([4, 5], 1)] }
    expect(() => merge([part(one, { train_ids: [1] }), part(one, { val_ids: [1] })])).toThrow(
      'the merged data: query 1 is in train and validation by _meta',
    )
  })

  test('refuses files that do not belong together', () => {
    const one = part({ 1: [candidate([4, 5], 1)] })
    expect(() => merge([one, part({ 2: [] }, { protocol: { hash: 'b' } })])).toThrow(
      'rl-dataset: 0.json and 1.json do not belong together; _meta differs in protocol: {"hash":"a"} and {"hash":"b"}',
    )
    expect(() => merge([one, part({ 2: [candidate([4, 5, 6], 1)] }, { shot_num: 3 })])).toThrow(
      'shot_num: 2 and 3',
    )
    const bare = read({ 2: { query: {}, pointer_candidates: [candidate([4, 5], 1)] } })
    expect(() => merge([one, bare])).toThrow('1.json has no _meta')
    expect(merge([one, bare], { allowMissingMeta: true }).summary.queries).toBe(2)
    expect(merge([bare, bare]).summary).toMatchObject({ queries: 1, repeated: 1 })
    expect(() => merge([])).toThrow('nothing to merge')
    const three = read({ 9: { query: {}, pointer_candidates: [candidate([4, 5, 6], 1)] } })
    expect(() => merge([bare, three])).toThrow(
      'query 9 has pointers of 3 demonstrations, the files before have 2',
    )
  })

  test('contradictions are errors, or the first stays', () => {
    const parts = [part({ 1: [candidate([4, 5], 1)] }), part({ 1: [candidate([4, 5], 0.3)] })]
    expect(() => merge(parts)).toThrow(
      'query 1 is in 0.json and in 1.json with pointer [4, 5], but vqa_acc_score is 1 and 0.3',
    )
    expect(merge(parts, { onConflict: 'first' }).summary).toMatchObject({ conflicts: 1, candidates: 1 })
  })

  test('different pools and different questions of one query', () => {
    const query = (pool: number[] | null, question: string): RlData =>
      read({
        1: { query: { question }, ...(pool ? { candidate_pool_ids: pool } : {}), pointer_candidates: [] },
      })
    expect(() => merge([query([4, 5], 'a'), query([5, 4], 'a')])).toThrow('with different pools')
    expect(() => merge([query(null, 'a'), query(null, 'b')])).toThrow('with different questions ("a", "b")')
  })
})

describe('filterRlData', () => {
  const accuracies = (list: number[], more: object = {}): unknown => ({
    query: {},
    pointer_candidates: list.map((accuracy, i) => candidate([110 + i, 900], accuracy, more)),
  })
  const data = read({
    1: accuracies([1, 1, 1, 1, 1, 0, 0, 0]),
    2: accuracies([0, 0, 0]),
    3: accuracies([1, 0.6]),
    4: { query: {}, pointer_candidates: [] },
    5: accuracies([1, 0, 0, 0, 0]),
  })
  const keep = (step: FilterStep, input = data): Record<number, number> =>
    Object.fromEntries(
      filterRlData(input, [step]).data.queries.map(({ query_id, pointer_candidates }) => [
        query_id,
        pointer_candidates.length,
      ]),
    )

  test.each<[string, Record<number, number>]>([
    ['not_empty', { 1: 8, 2: 3, 3: 2, 5: 5 }],
    ['min_candidates:min=3', { 1: 8, 2: 3, 5: 5 }],
    ['max_candidates:max=2', { 1: 2, 2: 2, 3: 2, 4: 0, 5: 2 }],
    ['positive', { 1: 8, 3: 2, 5: 5 }],
    ['mixed', { 1: 8, 5: 5 }],
    ['strict', {}],
    ['strict:max_share=0.7', { 1: 8 }],
    ['positive_share', { 2: 3, 5: 5 }],
    ['diverse', { 1: 8, 3: 2, 5: 5 }],
    ['balanced', { 1: 6, 5: 2 }],
    ['balanced:share=0.25', { 1: 4, 5: 4 }],
    ['top:positive=2,negative=1', { 1: 3, 3: 2, 5: 2 }],
    ['queries:ids=3+5', { 3: 2, 5: 5 }],
    ['methods:names=random', { 1: 8, 2: 3, 3: 2, 4: 0, 5: 5 }],
    ['methods:names=beam+sample', { 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 }],
  ])('%s', (text, kept) => expect(keep(parseFilterStep(text))).toEqual(kept))

  test('usable, official and deduplicate', () => {
    const odd = read({
      1: {
        query: {},
        pointer_candidates: [
          candidate([4, 5], 1),
          candidate([4, 5], 0, { vqa_eval_mode: 'fallback' }),
          candidate([5, 4], 0, { source_queries: [3] }),
          { pointer: [6, 4], vqa_acc_score: 1 },
        ],
      },
    })
    expect(keep({ name: 'usable' }, odd)).toEqual({ 1: 2 })
    expect(keep({ name: 'official' }, odd)).toEqual({ 1: 2 })
    expect(keep({ name: 'deduplicate' }, odd)).toEqual({ 1: 3 })
    expect(keep({ name: 'deduplicate', params: { any_order: 1 } }, odd)).toEqual({ 1: 2 })
  })

  describe.each(FILTER_NAMES)('conformance: %s', (name) => {
    const big = read(
      Object.fromEntries(
        Array.from({ length: 30 }, (_, id) => [
          id,
          accuracies(Array.from({ length: id % 12 }, (__, i) => [0, 0.3, 1][(i * 7 + id) % 3]!)),
        ]),
      ),
    )

    test('says what it keeps, keeps candidates of the query in their order, and is idempotent', () => {
      expect(FILTERS[name].keeps).not.toBe('')
      const { data: once } = filterRlData(big, [{ name }], { seed: 3 })
      for (const { query_id, pointer_candidates } of once.queries) {
        const before = big.queries[query_id]!.pointer_candidates
        const places = pointer_candidates.map((each) => before.indexOf(each))
        expect(places).not.toContain(-1)
        expect(places).toEqual([...places].sort((a, b) => a - b))
      }
      expect(filterRlData(once, [{ name }], { seed: 3 }).data.queries).toEqual(once.queries)
    })

    test('gives the same for the same seed, whatever other queries there are', () => {
      const all = filterRlData(big, [{ name }], { seed: 3 }).data.queries
      const half = filterRlData(
        { ...big, queries: big.queries.filter(({ query_id }) => query_id % 2 === 0) },
        [{ name }],
        { seed: 3 },
      )
      expect(half.data.queries).toEqual(all.filter(({ query_id }) => query_id % 2 === 0))
    })

    test('reads its own text', () => {
      const step = parseFilterStep(formatStep({ name, params: FILTERS[name].params }))
      expect(step.name).toBe(name)
    })
  })

  test('balanced keeps the share as near as whole numbers allow', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        (positive, negative, share) => {
          const list = [...new Array<number>(positive).fill(1), ...new Array<number>(negative).fill(0)]
          const [query] = filterRlData(read({ 1: accuracies(list) }), [
            { name: 'balanced', params: { share } },
          ]).data.queries
          const kept = query!.pointer_candidates
          const right = kept.filter(({ vqa_correct }) => vqa_correct === 1).length
          expect(Math.abs(right - share * kept.length)).toBeLessThanOrEqual(1)
          expect(right === positive || kept.length - right === negative).toBe(true)
          expect(new Set(kept.map((each) => pointerIds(each).join())).size).toBe(kept.length)
        },
      ),
    )
  })

  test('steps follow each other and stand in the history', () => {
    const { data: filtered, summary } = filterRlData(data, [{ name: 'not_empty' }, { name: 'mixed' }], {
      seed: 1,
      at: '2026-01-01',
    })
    expect(summary).toEqual({
      queriesBefore: 5,
      queriesAfter: 2,
      candidatesBefore: 18,
      candidatesAfter: 13,
      steps: [
        { filter: 'not_empty', queries: 1, candidates: 0 },
        { filter: 'mixed:min_positive=1,min_negative=1', queries: 2, candidates: 5 },
      ],
    })
    expect(filtered.meta!.history).toEqual([
      {
        op: 'filter',
        at: '2026-01-01',
        params: { filters: ['not_empty', 'mixed:min_positive=1,min_negative=1'], seed: 1 },
      },
    ])
    expect(renderFilter(summary)).toContain('kept 2 of 5 queries, 13 of 18 candidates')
  })

  test('unknown filters and parameters', () => {
    expect(() => parseFilterStep('mixd')).toThrow('unknown filter mixd; the filters are usable,')
    expect(() => parseFilterStep('mixed:share=1')).toThrow(
      'filter mixed has no parameter share; it has min_positive, min_negative',
    )
    expect(() => parseFilterStep('mixed:min_positive=x')).toThrow(
      'min_positive of filter mixed must be a number that is not negative',
    )
    expect(() => parseFilterStep('balanced:share=1')).toThrow(
      'share of filter balanced must be between 0 and 1',
    )
    expect(() => filterRlData(data, [{ name: 'methods', params: { names: 3 } }])).toThrow(
      'must be a list of names',
    )
    expect(() => parseFilterStep('__proto__')).toThrow('unknown filter')
  })
})
