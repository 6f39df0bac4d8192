import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { readDataset } from '../src/index.ts'
import { humans, question, rejection, writeFiles } from './support.ts'

const HEAD = { info: {}, task_type: 'Open-Ended', data_type: 'mscoco', data_subtype: 'val2014', license: {} }
const QUESTIONS = JSON.stringify({
  ...HEAD,
  questions: [
    { question_id: 20, image_id: 2, question: 'Is it é?' },
    { question_id: 10, image_id: 1, question: 'What?' },
  ],
})
const ANNOTATIONS = JSON.stringify({
  annotations: [
    question(10, 4, { image_id: 1, multiple_choice_answer: 'no' }),
    question(20, 6, { image_id: 2, answer_type: 'other', question_type: 'what' }),
  ],
})

test('joins questions and annotations by id, in the order of the questions', async () => {
  const files = await writeFiles({ 'q.json': QUESTIONS, 'a.json': ANNOTATIONS })
  const dataset = await readDataset({ questions: files['q.json'], annotations: files['a.json'] })
  const yes = (n: number): string[] => Array.from({ length: 10 }, (_, i) => (i < n ? 'yes' : 'no'))
  expect(dataset).toEqual({
    form: 'official',
    name: 'mscoco',
    split: 'val2014',
    notices: [],
    hash: createHash('sha256').update(QUESTIONS).update(ANNOTATIONS).digest('hex'),
    missingImages: 0,
    source: files['q.json'],
    places: { unit: 'questions', at: [0, 1] },
    examples: [
      {
        id: 20,
        questionId: 20,
        imageId: 2,
        question: 'Is it é?',
        answers: yes(6),
        answer: 'yes',
        questionType: 'what',
        answerType: 'other',
      },
      {
        id: 10,
        questionId: 10,
        imageId: 1,
        question: 'What?',
        answers: yes(4),
        answer: 'no',
        questionType: 'is the',
        answerType: 'yes/no',
      },
    ],
  })
})

test('without annotations there are no answers', async () => {
  const files = await writeFiles({ 'q.json': QUESTIONS })
  const { examples, hash } = await readDataset({ questions: files['q.json'], name: 'n', split: 's' })
  expect(examples[0]).toMatchObject({ id: 20, answers: [], answer: '', questionType: '', answerType: '' })
  expect(hash).toBe(createHash('sha256').update(QUESTIONS).digest('hex'))
})

test('with string ids the global id is the row', async () => {
  const rows = [20, 'b', '20'].map((question_id) => ({ question_id, image_id: 'i', question: '' }))
  const files = await writeFiles({ 'q.json': JSON.stringify({ questions: rows }) })
  const { examples } = await readDataset({ questions: files['q.json'] })
  expect(examples.map(({ id, questionId }) => [id, questionId])).toEqual([
    [0, 20],
    [1, 'b'],
    [2, '20'],
  ])
})

test('the single file of A-OKVQA', async () => {
  const text = JSON.stringify([
    {
      split: 'val',
      image_id: 7,
      question_id: '22Mex',
      question: 'Why?',
      choices: ['a'],
      direct_answers: ['x', 'y', 'y'],
    },
  ])
  const files = await writeFiles({ 'aokvqa.json': text })
  const { examples, hash } = await readDataset({
    questions: files['aokvqa.json'],
    name: 'aokvqa',
    split: 'val',
  })
  expect(examples).toEqual([
    {
      id: 0,
      questionId: '22Mex',
      imageId: 7,
      question: 'Why?',
      answers: ['x', 'y', 'y'],
      answer: 'y',
      questionType: '',
      answerType: '',
      choices: ['a'],
      metric: 'aokvqa',
    },
  ])
  expect(hash).toBe(createHash('sha256').update(text).digest('hex'))
})

describe('images', () => {
  async function read(names: readonly string[], more: object = {}): Promise<readonly (string | undefined)[]> {
    const files = await writeFiles({ 'q.json': QUESTIONS })
    const images = join(dirname(files['q.json']), 'images')
    for (const name of names) {
      await mkdir(dirname(join(images, name)), { recursive: true })
      await writeFile(join(images, name), '')
    }
    const dataset = await readDataset({ questions: files['q.json'], images, ...more })
    const found = dataset.examples.map(({ image }) => image?.slice(images.length + 1))
    expect(dataset.missingImages).toBe(found.filter((image) => image === undefined).length)
    return found
  }

  test.each([
    ['<id>', ['2.png', '1.jpg'], ['2.png', '1.jpg'], {}],
    ['COCO', ['COCO_val2014_000000000002.jpg', '9.png'], ['COCO_val2014_000000000002.jpg', undefined], {}],
    [
      'COCO of a given split',
      ['COCO_train2014_000000000001.png'],
      [undefined, 'COCO_train2014_000000000001.png'],
      { split: 'train' },
    ],
    ['padded', ['000000000002.png', '000000000001.jpg'], ['000000000002.png', '000000000001.jpg'], {}],
    ['a pattern', ['x-0002.gif', '1.png'], ['x-0002.gif', undefined], { imagePattern: 'x-%04d.gif' }],
    ['a pattern with a folder', ['2/2.png'], ['2/2.png', undefined], { imagePattern: '%s/%s.png' }],
  ])('%s', async (_, names, expected, more) => {
    expect(await read(names, more)).toEqual(expected)
  })

  test('a folder that is not there', async () => {
    const files = await writeFiles({ 'q.json': QUESTIONS })
    const error = await rejection(readDataset({ questions: files['q.json'], images: '/nowhere' }))
    expect(error).toMatchObject({ name: 'InputError', code: 'LEVER_INPUT' })
    expect(error.message).toMatch(/cannot read the image folder \/nowhere/)
  })
})

describe('errors', () => {
  const rows = (...ids: readonly unknown[]): string =>
    JSON.stringify({ questions: ids.map((question_id) => ({ question_id, image_id: 1, question: '?' })) })

  test.each([
    [
      'ids that differ',
      rows(10, 30),
      ANNOTATIONS,
      /1 questions have no annotation \(30\) 1 annotations .* \(20\)/,
    ],
    [
      'a repeated question',
      rows(10, 20, 10),
      ANNOTATIONS,
      /question 10 is given twice: questions\[0\] and questions\[2\]/,
    ],
    [
      'a repeated annotation',
      rows(10),
      JSON.stringify({ annotations: [question(10, 1), question(10, 2)] }),
      /a\.json: question 10 is given twice: annotations\[0\] and annotations\[1\]/,
    ],
    [
      'answers that are none',
      rows(10),
      JSON.stringify({ annotations: [question(10, 1, { answers: [{ answer: 7 as never }] })] }),
      /\(question 10\): answers\[0\]\.answer must be a string/,
    ],
    [
      'a huge id',
      rows(10).replace('10', '90071992547409930'),
      JSON.stringify({ annotations: [question(10, 1)] }).replace('10', '90071992547409930'),
      /id 90071992547409930 is beyond 2\^53/,
    ],
    [
      'no question text',
      '{"questions":[{"question_id":1,"image_id":1}]}',
      ANNOTATIONS,
      /questions\[0\]: question must be a string/,
    ],
    ['no question id', '{"questions":[{"image_id":1}]}', ANNOTATIONS, /questions\[0\]: question_id must be/],
    ['no questions', '{}', ANNOTATIONS, /it has no list "questions"/],
  ])('%s', async (_, questions, annotations, pattern) => {
    const files = await writeFiles({ 'q.json': questions, 'a.json': annotations })
    const error = await rejection(readDataset({ questions: files['q.json'], annotations: files['a.json'] }))
    expect(error.name).toBe('InputError')
    expect(error.message).toMatch(pattern)
  })

  test('no image id anywhere', async () => {
    const files = await writeFiles({
      'q.json': '{"questions":[{"question_id":1,"question":"?"}]}',
      'a.json': JSON.stringify({ annotations: [{ question_id: 1, answers: humans(['a']) }] }),
    })
    const error = await rejection(readDataset({ questions: files['q.json'], annotations: files['a.json'] }))
    expect(error.message).toMatch(/questions\[0\]: image_id is missing/)
  })
})
