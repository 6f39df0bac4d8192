import { describe, expect, test } from '@jest/globals'
import { InputError } from '@lever/durable-files'
import { describeDefault, nearest, readSetting, readSettings } from '@lever/settings'
import type { GivenSettings, Settings } from '@lever/settings'

const schema = {
  device: { type: 'text', about: 'device', choices: ['cpu', 'cuda'], default: 'cpu' },
  shots: { type: 'number', about: 'shots', min: 1, max: 8, whole: true, default: 2 },
  out: { type: 'text', about: 'run directory', required: true },
  temps: { type: 'numbers', about: 'temperatures', min: 0 },
  names: { type: 'list', about: 'names', default: [] },
  strict: { type: 'flag', about: 'strict', default: true },
  quiet: { type: 'flag', about: 'quiet' },
  streams: { type: 'number', about: 'streams', onlyWith: { device: ['cuda'] } },
  decay: { type: 'number', about: 'decay', onlyWith: { temps: true } },
  label: { type: 'text', about: 'label', notWith: { names: 'names say more; leave it out' } },
} as const

/** Compiles only while the types follow from the schema. */
const whole: Settings<typeof schema> = {
  device: 'cuda',
  shots: 3,
  out: 'x',
  temps: [1],
  names: ['a'],
  strict: true,
  quiet: false,
  streams: undefined,
  decay: 1,
  label: undefined,
}
const least: GivenSettings<typeof schema> = { out: 'x' }
// @ts-expect-error A choice that does not exist.
const wrong: GivenSettings<typeof schema> = { out: 'x', device: 'tpu' }

describe('readSettings', () => {
  test('fills in the defaults', () => {
    expect(readSettings(schema, least)).toEqual({
      ...{ device: 'cpu', shots: 2, out: 'x', names: [], strict: true, quiet: false },
      ...{ temps: undefined, streams: undefined, decay: undefined, label: undefined },
    })
    expect(() => readSettings(schema, { ...whole })).not.toThrow()
  })

  test.each([
    [{}, 'out is missing; give it'],
    [wrong, 'device is "tpu"; give one of cpu, cuda'],
    [{ out: 'x', shosts: 1 }, 'shosts is not a setting; did you mean shots?'],
    [
      { out: 'x', streams: 2 },
      'streams applies only to device cuda, and has no effect with device cpu; leave it out',
    ],
    [{ out: 'x', decay: 2 }, 'decay has no effect without temps; give temps, or leave it out'],
    [{ out: 'x', names: ['a'], label: 'b' }, 'label has no effect with names; names say more; leave it out'],
  ])('refuses %j', (given, message) => {
    expect(() => readSettings(schema, given)).toThrow(message)
    expect(() => readSettings(schema, given)).toThrow(InputError)
  })

  test('calls settings as the caller does', () => {
    const options = {
      nameOf: (name: string) => `--${name}`,
      placeOf: (name: string) => `file.yaml: ${name}`,
      missing: 'see --help',
    }
    expect(() => readSettings(schema, {}, options)).toThrow('--out is missing; see --help')
    expect(() => readSettings(schema, { out: 'x', shots: 9 }, options)).toThrow(
      'file.yaml: shots is 9; give a whole number from 1 to 8',
    )
  })
})

describe('readSetting', () => {
  test('numbers are checked against their limits', () => {
    expect(readSetting(schema.shots, '3', '--shots')).toBe(3)
    expect(readSetting(schema.shots, 3, '--shots')).toBe(3)
    expect(() => readSetting(schema.shots, '-1', '--shots')).toThrow('--shots is -1; give a whole number')
    for (const value of ['x', '', ' ', '2.5', '0', '9', 'Infinity', 'NaN', null, true, [1, 2]]) {
      expect(() => readSetting(schema.shots, value, '--shots')).toThrow(
        /^--shots .*give a whole number from 1 to 8$/,
      )
    }
  })

  test('lists take spaces, commas and repetition', () => {
    expect(readSetting(schema.temps, ['0,1', '2'], '--temps')).toEqual([0, 1, 2])
    expect(readSetting(schema.temps, 3, '--temps')).toEqual([3])
    expect(() => readSetting(schema.temps, ['0,,1'], '--temps')).toThrow('give at least one value')
    expect(readSetting(schema.names, ['a', 'b,c'], '--names')).toEqual(['a', 'b', 'c'])
    const whole = { type: 'list', about: '', commas: false } as const
    expect(readSetting(whole, ['a=1,b=2'], '--x')).toEqual(['a=1,b=2'])
    const pair = { type: 'numbers', about: '', count: 2 } as const
    expect(readSetting(pair, ['-1,1'], '--clip')).toEqual([-1, 1])
    expect(() => readSetting(pair, ['1'], '--clip')).toThrow('--clip has 1 number; give 2')
  })

  test('texts, choices and flags', () => {
    expect(readSetting(schema.out, 12, '--out')).toBe('12')
    expect(() => readSetting(schema.out, ['a', 'b'], '--out')).toThrow('--out is given 2 times; give a value')
    expect(() => readSetting(schema.device, 'c', '--device')).toThrow(
      '--device is "c"; give one of cpu, cuda',
    )
    expect(readSetting(schema.quiet, 'true', '--quiet')).toBe(true)
    expect(() => readSetting(schema.quiet, 'maybe', '--quiet')).toThrow('give true or false')
  })
})

test('a default is described by its value, or by what holds without it', () => {
  expect(describeDefault(schema.shots)).toBe('2')
  expect(describeDefault(schema.strict)).toBe('true')
  expect(describeDefault(schema.quiet)).toBeUndefined()
  expect(describeDefault(schema.names)).toBeUndefined()
  expect(describeDefault({ type: 'numbers', about: '', default: [1, 1.3] })).toBe('1 1.3')
  expect(describeDefault({ type: 'number', about: '', unset: 'all' })).toBe('all')
})

describe('nearest', () => {
  test.each([
    ['rce-epohcs', 'rce-epochs'],
    ['epochs', undefined],
    ['rce-ep', 'rce-epochs'],
    ['reward', 'reward-mode'],
    ['rce-epcohs', 'rce-epochs'],
    ['zzz', undefined],
    ['', undefined],
  ])('%s -> %s', (name, expected) => {
    expect(nearest(name, ['rce-epochs', 'grpo-lr', 'reward-mode'])).toBe(expected)
  })
})
