import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { printable, printableJson, printableLine } from '../src/printable.ts'
import { formatTable } from '../src/table.ts'
import { lever, scratch } from './support/lever.ts'

const HOSTILE = 'a\x1b[2J\x07\r\n\tb\x9b31m\u202ec\u2028d\x7f'
const OBEYED = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]/

describe('what is printed', () => {
  test('holds nothing that a terminal would obey', () => {
    expect(printable(HOSTILE)).toBe('a\\x1b[2J\\x07\\r\n\tb\\x9b31m\\u202ec\\u2028d\\x7f')
    expect(printableLine(HOSTILE)).toBe('a\\x1b[2J\\x07\\r\\n\\tb\\x9b31m\\u202ec\\u2028d\\x7f')
    expect(printable('Zürich, 東京, 👩‍👩‍👧, naïve')).toBe('Zürich, 東京, 👩‍👩‍👧, naïve')
  })

  test('as JSON reads as the same value', () => {
    const json = printableJson({ [HOSTILE]: [HOSTILE] })
    expect(json).not.toMatch(OBEYED)
    expect(JSON.parse(json)).toEqual({ [HOSTILE]: [HOSTILE] })
  })

  test('stands in tables by its width on a terminal', () => {
    const table = formatTable([
      ['name', '1'],
      ['東京', '22'],
      ['a\x1b[31m\nb', '333'],
    ])
    expect(table).toBe('name            1\n東京           22\na\\x1b[31m\\nb  333')
  })
})

test('answers, file names and errors are escaped in every form of output', async () => {
  const folder = join(scratch(), 'data\x1b[31m')
  mkdirSync(folder)
  const at = (name: string): string => join(folder, name)
  const question = { image_id: 1, question_id: 1, question: HOSTILE }
  const answers = Array.from({ length: 10 }, (_, i) => ({ answer: HOSTILE, answer_id: i + 1 }))
  const annotation = { image_id: 1, question_id: 1, multiple_choice_answer: HOSTILE, answers }
  writeFileSync(at('questions.json'), JSON.stringify({ questions: [question] }))
  writeFileSync(at('annotations.json'), JSON.stringify({ annotations: [annotation] }))
  writeFileSync(at('results.json'), JSON.stringify([{ question_id: 1, answer: HOSTILE }]))
  const files = ['--annotations', at('annotations.json'), '--results', at('results.json')]
  for (const args of [
    ['score', ...files],
    ['score', ...files, '--json'],
    ['data', 'describe', folder],
    ['score', '--annotations', at('none\nlever: done.json'), '--results', at('results.json'), '--debug'],
    ['data', 'validate', at('results.json')],
  ]) {
    const { stdout, stderr } = await lever(args)
    expect(stdout + stderr).not.toBe('')
    expect(stdout + stderr).not.toMatch(OBEYED)
    expect(stdout + stderr).not.toMatch(/\nlever: done/)
  }
}, 60_000)
