import { describe, expect, test } from '@jest/globals'
import type { RlCandidate } from '../src/index.ts'
import { candidate, read } from './helpers.ts'

const shapesOf = (value: unknown, file?: string): Record<string, number> =>
  Object.fromEntries(read(value, file === undefined ? {} : { file }).report.shapes)

const firstOf = (value: unknown): RlCandidate => read(value).queries[0]!.pointer_candidates[0]!

const question = { query_id: 7, question_id: 70, image_id: 3, question: 'What?' }
const pool = [100, 101, 102, 103]

describe('L13: positions and ids in one query', () => {
  const local = candidate([3, 0], 1, { pointer_global: [103, 100] })

  test('decided per candidate', () => {
    const L13 = {
      7: { query: question, candidate_pool_ids: pool, pointer_candidates: [local, candidate([101, 102], 0)] },
      _meta: {},
    }
    expect(shapesOf(L13)).toEqual({ L7: 1, L13: 1 })
    expect(
      read(L13).queries[0]!.pointer_candidates.map(({ pointer, pointer_global }) => [
        pointer,
        pointer_global,
      ]),
    ).toEqual([
      [
        [3, 0],
        [103, 100],
      ],
      [
        [1, 2],
        [101, 102],
      ],
    ])
  })

  test('ambiguous is an error, unless the file or the caller says what it means', () => {
    const small = [2, 3, 0, 1]
    const file = { 8: { query: {}, candidate_pool_ids: small, pointer_candidates: [candidate([0, 1], 1)] } }
    expect(() => read(file)).toThrow(
      'query 8, candidate 0: pointer [0, 1] can be read as ids and as positions in the pool',
    )
    expect(firstOf({ ...file, _meta: { index_space: 'local' } }).pointer_global).toEqual([2, 3])
    expect(firstOf({ ...file, _meta: { index_space: 'global' } }).pointer).toEqual([2, 3])
    expect(read(file, { indexSpace: 'global' }).queries[0]!.pointer_candidates[0]!.pointer).toEqual([2, 3])
  })

  test('what could only be positions is not taken for ids that are missing', () => {
    const file = { 7: { query: {}, candidate_pool_ids: pool, pointer_candidates: [candidate([0, 1], 1)] } }
    expect(() => read(file)).toThrow(
      'pointer [0, 1] is not made of ids of the pool; as positions it would be valid',
    )
  })

  test('ids in both pointer and pointer_global', () => {
    const file = {
      7: {
        query: {},
        candidate_pool_ids: pool,
        pointer_candidates: [candidate([101, 100], 1, { pointer_global: [101, 100] })],
      },
    }
    expect(firstOf(file)).toMatchObject({ pointer: [1, 0], pointer_global: [101, 100] })
  })
})
