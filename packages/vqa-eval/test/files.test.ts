import { describe, expect, test } from '@jest/globals'
import type { Annotation } from '../src/index.ts'
import type { ReadProgress } from '@lever/json-text/node'
import { readIds, scoreFiles, type ScoreFilesOptions } from '../src/node.ts'
import { question, rejection, writeFiles } from './support.ts'

const ANNOTATIONS = JSON.stringify({ annotations: [question(1, 10), question(2, 5), question(3, 0)] })
const RESULTS =
  '[{"question_id":1,"answer":"yes"},{"question_id":2,"answer":"yes"},{"question_id":3,"answer":"yes"}]'
const HEAD = { info: {}, task_type: 'Open-Ended', data_type: 'mscoco', data_subtype: 'val2014', license: {} }

interface Texts {
  readonly annotations?: string | Uint8Array
  readonly results?: string | Uint8Array
  readonly questions?: string
  readonly resultsName?: string
}

async function score(
  { annotations = ANNOTATIONS, results = RESULTS, questions, resultsName = 'results.json' }: Texts,
  options: Partial<ScoreFilesOptions> = {},
): ReturnType<typeof scoreFiles> {
  const files = await writeFiles<string>({
    'annotations.json': annotations,
    [resultsName]: results,
    ...(questions !== undefined && { 'questions.json': questions }),
  })
  return scoreFiles({
    annotations: files['annotations.json']!,
    results: files[resultsName]!,
    ...(questions !== undefined && { questions: files['questions.json']! }),
    ...options,
  })
}

async function messageOf(texts: Texts, options: Partial<ScoreFilesOptions> = {}): Promise<string> {
  const error = await rejection(score(texts, options))
  expect([error.name, error.code]).toEqual(['InputError', 'LEVER_INPUT'])
  return error.message
}

describe('ids that do not correspond', () => {
  const OFFICIAL =
    'Results do not correspond to current VQA set. Either the results do not have predictions for'
  const results = (...ids: readonly unknown[]): string =>
    JSON.stringify(ids.map((question_id) => ({ question_id, answer: 'yes' })))

  test.each([
    [
      'missing',
      results(1),
      ['2 annotated question(s) without a prediction (missing): 2, 3', '--allow-partial'],
    ],
    ['unexpected', results(1, 2, 3, 9), ['1 predicted question(s) that are not annotated (unexpected): 9']],
    ['duplicated', results(1, 1, 2), ['1 question(s) predicted more than once', '(missing): 3']],
    [
      'wrong type',
      results('1', 2, 3),
      ['1 id(s) of the wrong type (results use strings, annotations integers', '"1"'],
    ],
    ['nothing', '[]', ['3 annotated question(s) without a prediction (missing): 1, 2, 3']],
  ])('%s', async (_, text, parts) => {
    const message = await messageOf({ results: text })
    expect(message.startsWith(OFFICIAL)).toBe(true)
    for (const part of parts) expect(message).toContain(part)
  })

  test('wrong types are in no other list', async () => {
    const message = await messageOf({ results: results('1', '2', '3') })
    expect(message).toContain('3 id(s) of the wrong type')
    expect(message).not.toMatch(/\((missing|unexpected)\)/)
  })

  test('integers for strings', async () => {
    const annotations = JSON.stringify({ annotations: [question('1', 10)] })
    expect(await messageOf({ annotations, results: results(1) })).toContain(
      'results use integers, annotations strings',
    )
  })

  test('a duplicated prediction alone is accepted: the last counts, with a warning', async () => {
    const { evaluation } = await score({ results: RESULTS.replace(']', ',{"question_id":1,"answer":"no"}]') })
    expect(evaluation).toMatchObject({ overall: 33.33, duplicates: 1 })
    expect(evaluation.warnings).toEqual([expect.stringContaining('predicted more than once')])
  })

  test('a repeated annotation counts once per repeat, with a warning', async () => {
    const annotations = JSON.stringify({ annotations: [question(1, 0), question(2, 0), question(1, 10)] })
    const { evaluation } = await score({ annotations, results: results(1, 2) })
    expect(evaluation).toMatchObject({ overall: 66.67, n: 3 })
    expect(evaluation.warnings).toEqual([expect.stringContaining('annotated more than once')])
  })
})

describe('ids', () => {
  test('beyond 2^53 stay apart', async () => {
    const annotations = ANNOTATIONS.replace('"question_id":1,', '"question_id":9007199254740993,')
      .replace('"question_id":2,', '"question_id":9007199254740992,')
      .replace('"question_id":3,', '"question_id":90071992547409931234567890,')
    const results = `[{"question_id":9007199254740992,"answer":"no"},{"question_id":9007199254740993,"answer":"yes"},
      {"question_id":90071992547409931234567890,"answer":"yes"}]`
    const { evaluation } = await score({ annotations, results })
    expect(Array.from(evaluation.perQuestion, ({ questionId, accuracy }) => [questionId, accuracy])).toEqual([
      [9007199254740993n, 1],
      [9007199254740992n, 1],
      [90071992547409931234567890n, 0],
    ])
    const missing = await messageOf({
      annotations,
      results: results.replace('40993,"answer"', '40994,"answer"'),
    })
    expect(missing).toContain('(missing): 9007199254740993')
    expect(missing).toContain('(unexpected): 9007199254740994')
  })

  test('1.0 and true are 1, as in Python; "1" is not', async () => {
    const results = RESULTS.replace('"question_id":1', '"question_id":true').replace(
      '"question_id":2',
      '"question_id":2.0',
    )
    expect((await score({ results })).evaluation.n).toBe(3)
  })

  test.each(['null', 'NaN', '[1]', '{}'])('%s is none', async (id) => {
    const message = await messageOf({ results: RESULTS.replace('"question_id":2', `"question_id":${id}`) })
    expect(message).toMatch(/results\.json: results\[1\]: question_id must be an integer or a string/)
  })
})

describe('malformed rows name themselves', () => {
  test.each([
    ['answer is null', '"answer":null', /results\[1\] \(question 2\): answer must be a string, got null/],
    ['answer is a number', '"answer":2', /results\[1\] \(question 2\): answer must be a string, got 2/],
    ['answer is missing', '"reply":"yes"', /results\[1\] \(question 2\): answer is missing/],
  ])('%s', async (_, field, pattern) => {
    const results = RESULTS.replace('"question_id":2,"answer":"yes"', `"question_id":2,${field}`)
    expect(await messageOf({ results })).toMatch(pattern)
  })

  test('a row that is not an object', async () => {
    expect(await messageOf({ results: '["yes"]' })).toMatch(/results\[0\]: question_id must be .*missing/)
  })

  test('lines of JSONL', async () => {
    const lines = [
      '{"question_id":1,"answer":"yes"}',
      '',
      '{"question_id":2,"answer":7}',
      '{"question_id":3,"answer":"a"}',
    ]
    const message = await messageOf({ results: lines.join('\n'), resultsName: 'results.jsonl' })
    expect(message).toMatch(/results\.jsonl: line 3 \(question 2\): answer must be a string, got 7/)
  })

  test('a torn line of JSONL', async () => {
    const message = await messageOf({
      results: '{"question_id":1,"answer":"yes"}\n{"quest',
      resultsName: 'r.jsonl',
    })
    expect(message).toMatch(
      /r\.jsonl, line 2, column 8 \(byte 40\): the text ends where .*; correct the file$/,
    )
  })

  test.each([
    ['image_id', /annotations\[1\] \(question 2\): image_id is missing/],
    ['question_type', /annotations\[1\] \(question 2\): question_type is missing or not a string/],
    ['answer_type', /annotations\[1\] \(question 2\): answer_type is missing or not a string/],
    ['answers', /annotations\[1\] \(question 2\): answers is missing/],
    ['question_id', /annotations\[1\]: question_id must be an integer or a string, got nothing/],
  ])('an annotation without %s', async (field, pattern) => {
    const rows = [question(1, 10), { ...question(2, 5), [field]: undefined }, question(3, 0)]
    expect(await messageOf({ annotations: JSON.stringify({ annotations: rows }) })).toMatch(pattern)
  })

  test.each([
    ['[null]', /answers\[0\] must be an object, got null/],
    ['[{"answer_id":1}]', /answers\[0\]\.answer must be a string/],
    ['[1, [], {"answer":"yes","answer_id":1}]', /answers\[0\] must be an object, got 1/],
    ['"yes"', /answers must be a list, got "yes"/],
    ['[]', /there are no answers/],
  ])('answers %s', async (answers, pattern) => {
    const annotations = `{"annotations":[{"question_id":1,"image_id":1,"question_type":"a","answer_type":"b","answers":${answers}}]}`
    expect(await messageOf({ annotations, results: '[{"question_id":1,"answer":"yes"}]' })).toMatch(pattern)
  })

  test('a malformed row outside the subset does not matter, as in the official tool', async () => {
    const results = RESULTS.replace('"question_id":2,"answer":"yes"', '"question_id":2')
    const { evaluation } = await score({ results }, { subset: { questionIds: [1, 3] } })
    expect(evaluation).toMatchObject({ overall: 50, n: 2 })
  })
})

describe('malformed files', () => {
  test.each([
    ['BOM', '\ufeff[]', /byte-order mark/],
    [
      'a mistake in the third line',
      '[\n{"question_id": 1,\n "answer": }]',
      /line 3, column 12 \(byte 32\), row 1: expected a value, found "\}"/,
    ],
    ['nothing', '', /the text is empty/],
    ['spaces', ' \n', /the text is empty/],
    ['truncated', RESULTS.slice(0, 50), /results\.json, line 1, column 51 \(byte 50\), row 2: the text ends/],
    ['more after the end', `${RESULTS} []`, /\(byte 101\): expected the end of the file, found "\["/],
    [
      'a comma too many',
      '[{"question_id":1,"answer":"yes"},]',
      /expected an object|expected a value|question_id/,
    ],
    ['an object', '{"1": "yes"}', /^results is not an array of objects/],
    ['one row', '{"question_id":1,"answer":"yes"}', /^results is not an array of objects/],
    ['a number', '1', /\(byte 0\): expected "\[" or "\{", found "1"/],
    [
      'a line break in a string',
      '[{"question_id":1,"answer":"y\nes"}]',
      /expected no control character in a string/,
    ],
  ])('%s', async (_, results, pattern) => {
    expect(await messageOf({ results })).toMatch(pattern)
  })

  test('not UTF-8', async () => {
    const results = Buffer.from(RESULTS.replace('yes', 'y\u00e9s'), 'latin1')
    expect(await messageOf({ results })).toMatch(/is not UTF-8/)
  })

  test.each([
    ['{"annotations": {}}', /a list of rows under "annotations"/],
    ['{"questions": []}', /it has no list "annotations"/],
    ['{"annotations": [1]}', /annotations\[0\]: expected an object, found "1"/],
    ['{}', /it has no list "annotations"/],
  ])('annotations %s', async (annotations, pattern) => {
    expect(await messageOf({ annotations })).toMatch(pattern)
  })

  test('absent', async () => {
    const error = await rejection(scoreFiles({ annotations: 'a.json', results: '/nowhere/r.json' }))
    expect(error).toMatchObject({ name: 'InputError', code: 'LEVER_INPUT' })
    expect(error.message).toMatch(/cannot read \/nowhere\/r\.json \(ENOENT\)/)
    expect((await rejection(scoreFiles({ annotations: 'a.json', results: '/' }))).message).toMatch(/EISDIR/)
  })

  test('NaN where it does not matter', async () => {
    const results = RESULTS.replace('"answer":"yes"', '"score":NaN,"logprob":-Infinity,"answer":"yes"')
    expect((await score({ results })).evaluation.n).toBe(3)
  })

  test('repeated keys: the last wins', async () => {
    const results = RESULTS.replace('"answer":"yes"', '"answer":7,"answer":"no","answer":"yes"')
    expect((await score({ results })).evaluation.overall).toBe((await score({})).evaluation.overall)
  })
})

describe('questions file', () => {
  const open = (head: object): string =>
    JSON.stringify({ ...head, questions: [{ question_id: 1, image_id: 1 }] })

  test('changes nothing', async () => {
    expect((await score({ questions: open(HEAD) })).evaluation.overall).toBe(
      (await score({})).evaluation.overall,
    )
  })

  test('lacks a field that the official tool needs', async () => {
    const message = await messageOf({
      questions: open({ ...HEAD, license: undefined, task_type: undefined }),
    })
    expect(message).toMatch(/questions\.json: task_type, license missing/)
  })

  test('multiple choice of VQA v1', async () => {
    const rows = [1, 2, 3].map((question_id) => ({ question_id, multiple_choices: ['yes', 'no'] }))
    const questions = JSON.stringify({ ...HEAD, task_type: 'Multiple Choice', questions: rows })
    expect((await score({ questions })).evaluation.n).toBe(3)
    const wrong = await messageOf({ questions, results: RESULTS.replace('yes', 'maybe') })
    expect(wrong).toMatch(
      /^predicted answer is not one of the multiple choices .*results\[0\] \(question 1\)/,
    )
    const unknown = await messageOf({ questions: questions.replace('"question_id":3', '"question_id":4') })
    expect(unknown).toMatch(/question 3 has no multiple_choices/)
  })
})

test('the files of A-OKVQA: a list of questions, predictions by id', async () => {
  const files = await writeFiles({
    'aokvqa.json': JSON.stringify([
      {
        question_id: '22Mex',
        image_id: 1,
        question: '?',
        direct_answers: ['ice', 'ice', 'snow'],
        rationales: [],
      },
      {
        question_id: '2aq6l',
        image_id: 2,
        question: '?',
        direct_answers: ['a'],
        difficult_direct_answer: true,
      },
      { question_id: '2bDQe', image_id: 3, question: '?', direct_answers: ['b', 'b', 'b', 'b'] },
    ]),
    'by-id.json': '{"22Mex": {"multiple_choice": "x", "direct_answer": "ice"}, "2bDQe": "b"}',
    'list.json':
      '[{"question_id": "22Mex", "direct_answer": "ice"}, {"question_id": "2bDQe", "answer": "b"}]',
    'rows.jsonl': '{"question_id": "22Mex", "answer": "ice"}\n{"question_id": "2bDQe", "answer": "b"}\n',
  })
  for (const results of [files['by-id.json'], files['list.json'], files['rows.jsonl']]) {
    const { evaluation } = await scoreFiles({ annotations: files['aokvqa.json'], results, mode: 'aokvqa' })
    expect(evaluation).toMatchObject({ mode: 'aokvqa', overall: 83.33, n: 2, dropped: 1 })
  }
  const wrongMode = scoreFiles({ annotations: files['aokvqa.json'], results: files['list.json'] })
  expect((await rejection(wrongMode)).message).toMatch(/question_type is missing/)
})

test('progress tells how far each file is read', async () => {
  const seen: ReadProgress[] = []
  await score({}, { chunkSize: 100, onProgress: (progress) => seen.push(progress) })
  const last = seen.filter(({ path }) => path.endsWith('results.json')).at(-1)!
  expect(last).toMatchObject({ bytesRead: RESULTS.length, bytesTotal: RESULTS.length })
  expect(seen.length).toBeGreaterThan(4)
})

test('two result files are compared question by question', async () => {
  const annotations: Annotation[] = [0, 1, 2, 3].map((id) => question(id, 10, { image_id: id % 2 }))
  const rows = (...answers: readonly string[]): string =>
    JSON.stringify(answers.map((answer, question_id) => ({ question_id, answer })))
  const files = await writeFiles({
    'a.json': JSON.stringify({ annotations }),
    'r.json': rows('yes', 'yes', 'no', 'yes'),
    'o.json': rows('yes', 'no', 'yes', 'no'),
  })
  const { comparison } = await scoreFiles({
    annotations: files['a.json'],
    results: files['r.json'],
    diff: files['o.json'],
  })
  expect(comparison).toMatchObject({ delta: 25, n: 4, improved: 2, worsened: 1, unchanged: 1 })
  expect(comparison!.gained.map(({ questionId }) => questionId)).toEqual([1, 3])
  expect(comparison!.lost).toEqual([
    { questionId: 2, accuracy: 0, otherAccuracy: 1, prediction: 'no', otherPrediction: 'yes' },
  ])
})

describe('lists of ids', () => {
  test('JSON and lines', async () => {
    const files = await writeFiles({
      'a.json': '[1, "1", 9007199254740993]',
      'a.txt': '1\r\n"1"\n\n9007199254740993\nabc\n',
      'bad.json': '[1, null]',
      'torn.json': '[1, ',
      'empty.txt': '\n',
    })
    expect(await readIds(files['a.json'])).toEqual([1, '1', 9007199254740993n])
    expect(await readIds(files['a.txt'])).toEqual([1, '1', 9007199254740993n, 'abc'])
    expect((await rejection(readIds(files['bad.json']))).message).toMatch(/id 2 is neither/)
    expect((await rejection(readIds(files['torn.json']))).message).toMatch(/the text ends/)
    expect((await rejection(readIds(files['empty.txt']))).message).toMatch(/holds no ids/)
    expect((await rejection(readIds('/nowhere'))).message).toMatch(/cannot read/)
  })
})
