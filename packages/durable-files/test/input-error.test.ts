import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { detailOf, InputError, isInputError } from '../src/index.ts'

test('an InputError keeps what is wrong apart from where', () => {
  const error = new InputError('rl-dataset: a.json: not an object', { detail: 'not an object', cause: 7 })
  expect(error).toMatchObject({ name: 'InputError', code: 'LEVER_INPUT', cause: 7 })
  expect(detailOf(error)).toBe('not an object')
  expect(detailOf(new InputError('a.json: empty'))).toBe('a.json: empty')
  expect(detailOf(new Error('a'))).toBe('a')
  expect(detailOf('b')).toBe('b')
})

test('isInputError asks for the code, so that other copies and other realms count', () => {
  expect(isInputError(new InputError('a'))).toBe(true)
  expect(isInputError(Object.assign(new Error('a'), { code: 'LEVER_INPUT' }))).toBe(true)
  expect(isInputError(runInNewContext("Object.assign(new Error('a'), { code: 'LEVER_INPUT' })"))).toBe(true)
  for (const other of [
    new Error('a'),
    Object.assign(new Error('a'), { code: 'ENOENT' }),
    null,
    undefined,
    'LEVER_INPUT',
  ])
    expect(isInputError(other)).toBe(false)
})
