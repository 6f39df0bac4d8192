import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  countPlanTokens,
  groupByLength,
  planPrompts,
  promptsBelow,
  type SegmentedPrompt,
} from '../src/prompt/plan.ts'
import { counter } from './support/world.ts'

const HEAD = 20
const SEGMENT = 276

/** Prompts of a head, demonstrations and a query, by numbers. */
function prompts(queries: number, pointers: (query: number) => number[][]): SegmentedPrompt[] {
  const segment = (key: string): SegmentedPrompt['segments'][number] => ({ key, pieces: [] })
  return Array.from({ length: queries }, (_, query) =>
    pointers(query).map((pointer) => ({
      segments: [segment('head'), ...pointer.map((id) => segment(`d${id}`)), segment(`q${query}`)],
      answers: [],
    })),
  ).flat()
}

const count = (list: SegmentedPrompt[]): number =>
  countPlanTokens(planPrompts(list), ({ key }) => (key === 'head' ? HEAD : SEGMENT))
const naive = (list: SegmentedPrompt[]): number =>
  list.reduce((sum, { segments }) => sum + HEAD + (segments.length - 1) * SEGMENT, 0)

function pointerOf(next: (n: number) => number, pool: number, shots: number): number[] {
  const chosen = new Set<number>()
  while (chosen.size < shots) chosen.add(next(pool))
  return [...chosen]
}

describe('token counts against the formulas', () => {
  const next = counter(11)

  test('100 queries x 24 random pairs of 64: 1.7 times fewer', () => {
    const list = prompts(100, () => Array.from({ length: 24 }, () => pointerOf(next, 64, 2)))
    const nodes = (depth: number): number =>
      new Set(
        list.map(({ segments }) =>
          segments
            .slice(1, 1 + depth)
            .map(({ key }) => key)
            .join(),
        ),
      ).size
    const distinct = new Set(list.map(({ segments }) => segments.map(({ key }) => key).join())).size
    expect(count(list)).toBe(HEAD + SEGMENT * (nodes(1) + nodes(2)) + SEGMENT * distinct)
    const pairs = 64 * 63
    const expected = HEAD + SEGMENT * (64 + pairs * (1 - (1 - 1 / pairs) ** 2400)) + SEGMENT * 2400
    expect(Math.abs(count(list) / expected - 1)).toBeLessThan(0.02)
    expect(naive(list) / count(list)).toBeCloseTo(1.72, 1)
  })

  test('100 queries, the same 24 pairs: 3.0 times fewer', () => {
    const shared = Array.from({ length: 24 }, () => pointerOf(next, 64, 2))
    const list = prompts(100, () => shared)
    expect(naive(list) / count(list)).toBeCloseTo(3.02, 1)
  })

  test('k = 1..4 of one pointer: 1.77 times fewer', () => {
    const list = prompts(1, () => [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]])
    expect(naive(list)).toBe(3944)
    expect(count(list)).toBe(2228)
    expect(naive(list) / count(list)).toBeCloseTo(1.77, 2)
  })
})

test('every prompt is below the root once, equal ones in one leaf', () => {
  const pointers = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }), { maxLength: 20 })
  fc.assert(
    fc.property(pointers, (lists) => {
      const list = prompts(1, () => lists)
      const { root, depth } = planPrompts(list)
      expect(promptsBelow(root).sort((a, b) => a - b)).toEqual(list.map((_, i) => i))
      expect(depth).toBe(Math.max(0, ...list.map(({ segments }) => segments.length)))
      expect(count(list)).toBeLessThanOrEqual(naive(list))
    }),
  )
})

test('a prompt that asks for other scores has its own leaf', () => {
  const [prompt] = prompts(1, () => [[1]])
  const { root } = planPrompts([prompt!, { ...prompt!, answers: ['a'] }, { ...prompt!, answers: ['a'] }])
  expect(root.children[0]!.children[0]!.leaves.map((leaf) => leaf.prompts)).toEqual([[0], [1, 2]])
})

test('a prompt without segments is refused', () => {
  expect(() => planPrompts([{ segments: [], answers: [] }])).toThrow('prompt 0 has no segments')
})

describe('groupByLength', () => {
  const limits = { maxRows: 3, maxTokens: 30 }

  test('sorts, and ends a group at either limit or at too much padding', () => {
    const lengths = [10, 1, 10, 1, 9, 10, 1, 1, 40]
    expect(groupByLength(lengths, (n) => n, limits)).toEqual([[1, 1, 1], [1], [9, 10, 10], [10], [40]])
    expect(groupByLength([], (n: number) => n, limits)).toEqual([])
  })

  test('loses nothing and keeps the limits', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 })), (lengths) => {
        const groups = groupByLength(lengths, (n) => n, limits)
        expect(groups.flat()).toEqual([...lengths].sort((a, b) => a - b))
        for (const group of groups) {
          const padded = Math.max(...group) * group.length
          expect(group.length === 1 || padded <= limits.maxTokens).toBe(true)
          expect(group.length).toBeLessThanOrEqual(limits.maxRows)
          expect(padded - group.reduce((a, b) => a + b)).toBeLessThanOrEqual(padded / 4)
        }
      }),
    )
  })
})
