import { expect, test } from '@jest/globals'
import { countPrefixes, prefixOrder } from '../src/measure/order.ts'

const prompt = (...places: number[]) => ({ places })

test('a demonstration is shared behind the same ones only', () => {
  const prompts = prefixOrder([prompt(3, 1, 9), prompt(1, 2, 9), prompt(1, 2, 8), prompt(1, 4, 9), prompt(9)])
  expect(countPrefixes(prompts)).toEqual({ fresh: 5, shared: 3 })
  expect(countPrefixes([])).toEqual({ fresh: 0, shared: 0 })
  expect(countPrefixes([prompt(1, 2, 9), prompt(2, 2, 9)])).toEqual({ fresh: 4, shared: 0 })
})
