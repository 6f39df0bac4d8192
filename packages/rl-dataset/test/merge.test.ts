import { describe, expect, test } from '@jest/globals'
import { mergeRlData, renderMerge, type RlData } from '../src/index.ts'
import { candidate, read } from './helpers.ts'

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
