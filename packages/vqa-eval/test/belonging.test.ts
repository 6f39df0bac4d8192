import { describe, expect, test } from '@jest/globals'
import { scoreFiles } from '../src/node.ts'
import { canonicalId } from '../src/index.ts'
import { question, rejection, writeFiles } from './support.ts'

const ANNOTATIONS = JSON.stringify({ annotations: [question(10, 10), question(11, 10)] })
const HEAD = { info: {}, task_type: 'Open-Ended', data_type: 'mscoco', data_subtype: 'val2014', license: {} }
const results = (...rows: readonly (readonly [unknown, string])[]): string =>
  JSON.stringify(rows.map(([question_id, answer]) => ({ question_id, answer })))
const questionsOf = (...ids: readonly unknown[]): string =>
  JSON.stringify({ ...HEAD, questions: ids.map((question_id) => ({ question_id })) })

test('repeated predictions are warned about, those with different answers first', async () => {
  const files = await writeFiles({
    'a.json': ANNOTATIONS,
    'r.json': results([10, 'yes'], [11, 'yes'], [10, 'no'], [11, 'yes']),
  })
  const { evaluation } = await scoreFiles({ annotations: files['a.json'], results: files['r.json'] })
  expect(evaluation).toMatchObject({ overall: 50, duplicates: 2 })
  expect(evaluation.warnings).toEqual([
    '1 question is predicted more than once, with different answers; the last prediction counts: 10',
    '1 question is predicted more than once, with the same answer; the last prediction counts: 11',
  ])
})

describe('a questions file', () => {
  const score = async (...ids: readonly unknown[]): Promise<readonly string[]> => {
    const files = await writeFiles({
      'a.json': ANNOTATIONS,
      'r.json': results([10, 'yes'], [11, 'yes']),
      'q.json': questionsOf(...ids),
    })
    const [annotations, questions] = [files['a.json'], files['q.json']]
    return (await scoreFiles({ annotations, questions, results: files['r.json'] })).evaluation.warnings
  }

  test('of other ids is refused, with both files', async () => {
    const error = await rejection(score(20, 21))
    expect(error).toMatchObject({ code: 'LEVER_INPUT' })
    expect(error.message).toMatch(/q\.json and \S+a\.json share no question id.*different datasets/)
    expect((await rejection(score('10', '11'))).message).toMatch(/share no question id/)
  })

  test('that lacks some ids is warned about; more ids are fine', async () => {
    expect(await score(10, 20)).toEqual([
      expect.stringMatching(/^1 of 2 annotated questions are not in .*q\.json$/),
    ])
    expect(await score(10, 11, 12)).toEqual([])
  })
})

test('an id is an integer or a string, in every file', async () => {
  expect([4.5, Infinity, NaN, null, [], {}].map(canonicalId)).toEqual(Array(6).fill(undefined))
  expect([true, 1.0, 'a', -0].map(canonicalId)).toEqual([1, 1, 'a', 0])
  const files = await writeFiles({
    'a.json': ANNOTATIONS.replace('"question_id":11', '"question_id":4.5'),
    'b.json': ANNOTATIONS,
    'r.json': results([10, 'yes'], [4.5, 'yes']),
    's.json': results([10, 'yes'], [11, 'yes']),
  })
  const refusal = async (a: 'a.json' | 'b.json', r: 'r.json' | 's.json'): Promise<string> =>
    (await rejection(scoreFiles({ annotations: files[a], results: files[r] }))).message
  expect(await refusal('a.json', 's.json')).toMatch(/a\.json: annotations\[1\]: question_id must be.*4\.5/)
  expect(await refusal('b.json', 'r.json')).toMatch(/r\.json: results\[1\]: question_id must be.*4\.5/)
})
