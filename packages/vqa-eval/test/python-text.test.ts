import { expect, test } from '@jest/globals'
import { DIGIT, roundHalfEven, splitWords, strip } from '../src/python-text.ts'

test.each([
  [3.125, 2, 3.12],
  [9.375, 2, 9.38],
  [0.625, 2, 0.62],
  [-0.625, 2, -0.62],
  [2.675, 2, 2.67],
  [66.665, 2, 66.67],
  [1.005, 2, 1],
  [96.875, 2, 96.88],
  [0.5, 0, 0],
  [1.5, 0, 2],
  [2.5, 0, 2],
  [0.25, 1, 0.2],
  [0.75, 1, 0.8],
  [100, 2, 100],
  [0, 2, 0],
])('round(%d, %i) is %d in Python', (value, digits, expected) => {
  expect(roundHalfEven(value, digits)).toBe(expected)
})

test('whitespace is that of Python', () => {
  expect(strip('\x1c\x85 \u3000yes\u2029\x1f')).toBe('yes')
  expect(strip('\ufeffyes\ufeff')).toBe('\ufeffyes\ufeff')
  expect(strip(' \t ')).toBe('')
  expect(splitWords(' a\x1db\u00a0 c\ufeffd ')).toEqual(['a', 'b', 'c\ufeffd'])
  expect(splitWords('  ')).toEqual([])
})

test('digits are the 660 of Unicode 14', () => {
  const digit = new RegExp(DIGIT, 'u')
  let count = 0
  for (let code = 0; code < 0x110000; code++) if (digit.test(String.fromCodePoint(code))) count++
  expect(count).toBe(660)
  expect(digit.test('٣')).toBe(true)
  expect(digit.test('²')).toBe(false)
})
