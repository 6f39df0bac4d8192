import { describe, expect, test } from '@jest/globals'
import { flagOf, kebab, namesOf, normaliseFlags, protectNegative, restoreNegative } from '../src/index.ts'

describe('names of flags', () => {
  test('snake_case flags of the original become kebab-case, values stay', () => {
    expect(normaliseFlags(['--rce_epochs', '5', '--out=a_b', '--sft_ckpt=x_y=z', '-x_y', 'a_b'])).toEqual([
      '--rce-epochs',
      '5',
      '--out=a_b',
      '--sft-ckpt=x_y=z',
      '-x_y',
      'a_b',
    ])
  })

  test('what follows a lone -- is left alone', () => {
    expect(normaliseFlags(['--a_b', '--', '--c_d'])).toEqual(['--a-b', '--', '--c_d'])
  })

  test('flags of settings', () => {
    expect(kebab('no_skip_fallback_reward')).toBe('no-skip-fallback-reward')
    expect(flagOf('rceUseRawReward')).toBe('rce-use-raw-reward')
    expect(flagOf('useTop1Only')).toBe('use-top1-only')
    expect(flagOf('seed')).toBe('seed')
    const schema = { poolSize: { type: 'number', about: '', aliases: ['candidate-num'] } } as const
    expect([...namesOf(schema)]).toEqual([
      ['pool-size', 'poolSize'],
      ['candidate-num', 'poolSize'],
    ])
  })
})

test('negative numbers are marked as values, and nothing else is', () => {
  const args = ['--reward-clip', '-1,1', '-5', '-.5', '-1e-3', '-x', '--', '-', 'a-1', '-1.png']
  const marked = protectNegative(args)
  expect(marked.filter((arg) => arg.startsWith('-'))).toEqual(['--reward-clip', '-x', '--', '-'])
  expect(restoreNegative(marked)).toEqual(args)
  expect(restoreNegative(true)).toBe(true)
})
