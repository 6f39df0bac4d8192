import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  FILTERS,
  FILTER_NAMES,
  filterRlData,
  parseFilterStep,
  pointerIds,
  renderFilter,
  formatStep,
  type FilterStep,
} from '../src/index.ts'
import { candidate, read } from './helpers.ts'

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
