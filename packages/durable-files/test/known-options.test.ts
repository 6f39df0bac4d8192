import { expect, test } from '@jest/globals'
import {
  nearest,
  pickOptions,
  refuseUnknownNames,
  refuseUnknownOptions,
  type OptionNames,
} from '../src/index.ts'

interface Cup {
  readonly size?: number
  readonly hasHandle?: boolean
}

const CUP: OptionNames<Cup> = { size: true, hasHandle: true }

test('an option that does not exist is refused, with the nearest one', () => {
  refuseUnknownOptions({ size: 3 }, CUP, 'cups: make')
  refuseUnknownOptions(undefined, CUP, 'cups: make')
  expect(() => refuseUnknownOptions({ hashandle: true }, CUP, 'cups: make')).toThrow(
    'cups: make has no option "hashandle"; did you mean hasHandle?',
  )
  expect(() => refuseUnknownOptions({ colour: 'red' }, CUP, 'cups: make')).toThrow(
    'cups: make has no option "colour"; choose one of size, hasHandle',
  )
  expect(() => refuseUnknownNames({ size: 1 }, [], 'cups: drop')).toThrow('no option "size"; there is none')
})

test('an option that is undefined does not count; what is no object is refused', () => {
  refuseUnknownOptions({ colour: undefined }, CUP, 'cups: make')
  expect(() => refuseUnknownNames('size', ['size'], 'cups: make')).toThrow(
    'cups: make takes its options as an object, got size',
  )
  expect(() => refuseUnknownNames(null, ['size'], 'cups: make')).toThrow('got null')
})

test('the options of one function are picked out of those of another', () => {
  expect(pickOptions<Cup>({ size: 1, ...{ colour: 'red' } }, CUP)).toEqual({ size: 1 })
})

test('a table of names is exact', () => {
  // @ts-expect-error a name is missing
  const less: OptionNames<Cup> = { size: true }
  // @ts-expect-error a name too many
  const more: OptionNames<Cup> = { size: true, hasHandle: true, colour: true }
  expect([less, more]).toHaveLength(2)
})

test('the nearest name, whatever its capitals', () => {
  expect(nearest('hardweight', ['softWeight', 'hardWeight'])).toBe('hardWeight')
  expect(nearest('tempreature', ['temperature', 'top'])).toBe('temperature')
  expect(nearest('x', ['weight'])).toBeUndefined()
})
