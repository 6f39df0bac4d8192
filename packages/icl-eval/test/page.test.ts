import { describe, expect, test } from '@jest/globals'
import { matches, outcomeOf, pageOf } from '../page/filter.ts'
import { compareKeys, nextDirection } from '../page/order.ts'
import type { ShownQuestion } from '../src/report/examples.ts'

const question: ShownQuestion = {
  id: 1,
  image: -1,
  question: 'What colour is the Cup?',
  questionType: 'what colour',
  answerType: 'other',
  humans: [['Red', 9]],
  picks: [
    { selector: 0, demonstrations: [], answer: 'dark blue', accuracy: 0.6 },
    { selector: 1, demonstrations: [], answer: 'grey', accuracy: 0 },
    { selector: 2, demonstrations: [], answer: '', accuracy: null },
  ],
}
const anything = { outcome: '', questionType: '', answerType: '', text: '' }

describe('the order of a table', () => {
  test('numbers begin with the largest, names with A, and then turn round', () => {
    expect(nextDirection(null, true)).toBe('descending')
    expect(nextDirection(null, false)).toBe('ascending')
    expect(nextDirection('ascending', true)).toBe('descending')
    expect(nextDirection('descending', false)).toBe('ascending')
  })

  test.each([
    ['ascending', [-1, 2, 10, '']],
    ['descending', [10, 2, -1, '']],
  ] as const)('%s: by value, empty cells last', (direction, sorted) => {
    expect(['', 10, -1, 2].toSorted((a, b) => compareKeys(a, b, direction))).toEqual(sorted)
  })

  test('names by the alphabet', () => {
    expect(['b', 'a', '', 'C'].toSorted((a, b) => compareKeys(a, b, 'ascending'))).toEqual([
      'a',
      'b',
      'C',
      '',
    ])
  })
})

describe('the filter of examples', () => {
  test.each([
    [{}, true],
    [{ outcome: 'win' }, true],
    [{ outcome: 'loss' }, false],
    [{ questionType: 'what colour', answerType: 'other' }, true],
    [{ questionType: 'what colour', answerType: 'number' }, false],
    [{ text: '  CUP ' }, true],
    [{ text: 'red' }, true],
    [{ text: 'Blue' }, true],
    [{ text: 'green' }, false],
    [{ text: 'red', outcome: 'tie' }, false],
  ])('%j', (fields, found) => {
    expect(matches(question, { ...anything, ...fields }, { focus: 0, against: 1 })).toBe(found)
  })
})

describe('the outcome of two selectors', () => {
  test.each([
    [0, 1, 'win'],
    [1, 0, 'loss'],
    [1, 2, 'tie'],
    [0, 0, 'tie'],
    [0, 3, undefined],
  ])('%d against %d: %s', (focus, against, outcome) => {
    expect(outcomeOf(question, { focus, against })).toBe(outcome)
  })
})

describe('pages', () => {
  const items = Array.from({ length: 24 }, (_, i) => i)
  test.each([
    [0, 0, 10],
    [2, 2, 4],
    [-1, 0, 10],
    [9, 2, 4],
  ])('page %d asked gives page %d with %d', (asked, page, count) => {
    expect(pageOf(items, asked, 10)).toMatchObject({ page, pages: 3 })
    expect(pageOf(items, asked, 10).shown).toHaveLength(count)
  })

  test('of nothing is one, and empty', () => {
    expect(pageOf([], 3, 10)).toEqual({ page: 0, pages: 1, shown: [] })
  })
})
