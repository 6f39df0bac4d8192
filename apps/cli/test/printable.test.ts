import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'

const HOSTILE = 'a\x1b[2J\x07\r\n\tb\x9b31m\u202ec\u2028d\x7f'
const OBEYED = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]/

test('answers, file names and errors are escaped in every form of output', async () => {
  const folder = join(scratch(), 'data\x1b[31m')
  mkdirSync(folder)
  const at = (name: string): string => join(folder, name)
  const question = { image_id: 1, question_id: 1, question: HOSTILE }
  const answers = Array.from({ length: 10 }, (_, i) => ({ answer: HOSTILE, answer_id: i + 1 }))
  const type = `${HOSTILE}\nOverall accuracy: 99.99`
  const types = { question_type: type, answer_type: type }
  const annotation = { image_id: 1, question_id: 1, multiple_choice_answer: HOSTILE, answers, ...types }
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
    expect(stdout + stderr).not.toMatch(/\nlever: done|\nOverall accuracy: 99|\n *\tb/)
  }
}, 60_000)
