import { describe, expect, test } from '@jest/globals'
import { choice, flag, list, number, numbers, text } from '../src/options.ts'

describe('options', () => {
  test('numbers are checked against their limits', () => {
    const shots = number('', { default: 2, min: 1, max: 8, whole: true })
    expect(shots.parse('3', '--shots')).toBe(3)
    expect(shots.parse(3, '--shots')).toBe(3)
    for (const wrong of ['x', '', ' ', '2.5', '0', '9', 'Infinity', 'NaN', null, true, [1, 2]]) {
      expect(() => shots.parse(wrong, '--shots')).toThrow(/^--shots .*give a whole number from 1 to 8$/)
    }
  })

  test('lists take spaces, commas and repetition', () => {
    const shots = numbers('', { default: [0, 1], min: 0, whole: true })
    expect(shots.parse(['0,1', '2'], '--shots')).toEqual([0, 1, 2])
    expect(shots.parse(3, '--shots')).toEqual([3])
    expect(() => shots.parse(['0,,1'], '--shots')).toThrow('give at least one value')
    expect(list('').parse(['a', 'b'], '--x')).toEqual(['a', 'b'])
    expect(() => list('', { choices: ['a'] }).parse('b', '--x')).toThrow('--x is "b"; give one of a')
  })

  test('texts, choices and flags', () => {
    expect(text('').parse(12, '--x')).toBe('12')
    expect(() => text('').parse(['a', 'b'], '--x')).toThrow('--x was given 2 times; give one value')
    expect(() => choice('', ['a', 'b']).parse('c', '--x')).toThrow('--x is "c"; give one of a, b')
    expect(flag('').parse('true', '--x')).toBe(true)
    expect(() => flag('').parse('maybe', '--x')).toThrow('give true or false')
  })

  test('defaults are shown, and required options have none', () => {
    expect(number('', { default: 5 })).toMatchObject({ fallback: 5, shown: '5', required: false })
    expect(text('', { required: true })).toMatchObject({ fallback: undefined, required: true })
    expect(flag('')).toMatchObject({ fallback: false })
  })
})
