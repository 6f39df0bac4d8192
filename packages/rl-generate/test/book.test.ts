import { expect, test } from '@jest/globals'
import { createBook } from '../src/queue/book.ts'

const red = { text: 'red' }

test('answers that are not one per prompt are an error that names the job', () => {
  const book = createBook()
  book.open('run-1', ['a', 'b'])
  for (const answers of [[], [red], [red, red, red]]) {
    expect(() => book.settle('run-1', answers, 'queue')).toThrow(
      `rl-generate: job run-1 of the queue came back with ${answers.length} answers to 2 prompts`,
    )
  }

  expect(book.unanswered()).toEqual(['run-1'])
  expect(book.settle('run-1', [red, red], 'queue')).toBe(true)
  expect(() => book.settle('run-1', [red], 'late')).toThrow('with 1 answers to 2 prompts')
})

test('answers count once, later ones are compared, and those to no job are not wanted', async () => {
  const book = createBook()
  book.open('run-1', ['a', 'b'])
  expect(book.settle('run-1', [red, { text: 'blue' }], 'late')).toBe(true)
  expect(book.settle('run-1', [red, red], 'queue')).toBe(true)
  expect(book.settle('run-1', [red, red], 'queue')).toBe(false)
  expect(book.counts).toEqual({ repeated: 2, disagreements: 1 })
  expect(await book.find('b')).toEqual({ text: 'blue' })
  expect(book.recorded(['a'])).toEqual([])
  expect(book.recorded(['b'])).toEqual(['run-1'])
  expect(book.settle('run-2', [red], 'late')).toBe(false)
})
