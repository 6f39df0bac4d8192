import { describe, expect, test } from '@jest/globals'
import { scoreFiles } from '../src/node.ts'
import { question, writeFiles } from './support.ts'

describe('files are the same in windows of any size', () => {
  const answers = [
    'café',
    'naïve\\',
    '"quoted"',
    '\u{1f600}',
    'tab\tnew\nline',
    '\u2028',
    'yes',
    '\ufeff',
    '\ud800',
  ]
  const annotations = answers.map((answer, id) => ({
    ...question(id, 10),
    answers: answers.map((text, i) => ({ answer: i < 4 ? answer : text, answer_id: i })),
  }))
  const results = answers.map((answer, question_id) => ({
    question_id,
    answer,
    note: { deep: [answer, null] },
  }))
  const layouts = {
    compact: JSON.stringify({ info: { a: [1] }, annotations, license: 'x' }),
    indented: JSON.stringify({ info: {}, license: [], annotations }, null, 2),
    ascii: JSON.stringify({ annotations }).replace(
      /[\u0080-\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
    again: `{"annotations":[${JSON.stringify(question('old', 3))}],"annotations":${JSON.stringify(annotations)}}`,
  }

  test.each(Object.entries(layouts))('%s', async (_, text) => {
    const files = await writeFiles({
      'annotations.json': text,
      'results.json': JSON.stringify(results, null, 1),
      'results.jsonl': results.map((row) => `${JSON.stringify(row)}\r\n\n`).join(''),
    })
    for (const chunkSize of [1, 2, 3, 7, 64, 1 << 20]) {
      for (const results of [files['results.json'], files['results.jsonl']]) {
        const { evaluation } = await scoreFiles({
          annotations: files['annotations.json'],
          results,
          chunkSize,
        })
        expect(evaluation).toMatchObject({ overall: 100, n: 9 })
        expect(Array.from(evaluation.perQuestion, ({ prediction }) => prediction)).toEqual(answers)
      }
    }
  })
})
