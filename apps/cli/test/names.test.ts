import { describe, expect, test } from '@jest/globals'
import { camel, editDistance, kebab, nearest, normaliseFlags } from '../src/names.ts'

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

  test('kebab and camel', () => {
    expect(kebab('no_skip_fallback_reward')).toBe('no-skip-fallback-reward')
    expect(camel('rce-use-raw-reward')).toBe('rceUseRawReward')
    expect(camel('seed')).toBe('seed')
  })
})

describe('nearest', () => {
  test.each([
    ['rce-epohcs', 'rce-epochs'],
    ['epochs', undefined],
    ['rce-ep', 'rce-epochs'],
    ['reward', 'reward-mode'],
    ['zzz', undefined],
    ['', undefined],
  ])('%s -> %s', (name, expected) => {
    expect(nearest(name, ['rce-epochs', 'grpo-lr', 'reward-mode'])).toBe(expected)
  })

  test('distances', () => {
    expect(editDistance('', 'abc')).toBe(3)
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('ab', 'ba')).toBe(1)
    expect(editDistance('same', 'same')).toBe(0)
  })
})
