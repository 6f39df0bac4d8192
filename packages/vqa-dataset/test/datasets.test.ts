import { mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { scoreAnswer } from '@lever/vqa-eval'
import {
  describeDataset,
  formatDataset,
  formatLeakage,
  leakageBetween,
  locateDataset,
  readDataset,
} from '../src/index.ts'
import type { Dataset } from '../src/index.ts'
import { question, rejection, writeFiles } from './support.ts'

/** Writes files, also in subfolders, into a new folder and returns it. */
async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vqa-datasets-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

const lines = (...rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const questionsOf = (ids: readonly number[], split: string): string =>
  JSON.stringify({
    data_type: 'mscoco',
    data_subtype: split,
    questions: ids.map((id) => ({ question_id: id, image_id: id * 10, question: `Q${id}?` })),
  })
const annotationsOf = (ids: readonly number[]): string =>
  JSON.stringify({ annotations: ids.map((id) => question(id, 7, { image_id: id * 10 })) })

describe('a folder of lines', () => {
  test('images by path or by id, answers in several forms, ids where they are missing', async () => {
    const folder = await folderOf({
      'questions.jsonl': lines(
        { question: 'What colour?', image: 'pictures/a.jpg', answers: ['red', 'red', 'pink'] },
        { question: 'How many?', image_id: 7, answers: [{ answer: '2' }, { answer: '3' }], answer: 'two' },
        {
          question: 'Where?',
          image: 'gone.png',
          answer: 'here',
          question_type: 'where',
          answer_type: 'other',
        },
      ),
      'pictures/a.jpg': '',
      'images/7.png': '',
    })
    const files = await locateDataset(folder)
    expect(files).toMatchObject({ form: 'lines', images: join(folder, 'images') })
    const dataset = await readDataset(files)
    expect(dataset.examples).toEqual([
      {
        id: 0,
        questionId: 0,
        imageId: 'pictures/a.jpg',
        image: join(folder, 'pictures/a.jpg'),
        question: 'What colour?',
        answers: ['red', 'red', 'pink'],
        answer: 'red',
        questionType: '',
        answerType: '',
      },
      expect.objectContaining({
        id: 1,
        imageId: 7,
        image: join(folder, 'images/7.png'),
        answers: ['2', '3'],
        answer: 'two',
      }),
      expect.objectContaining({ id: 2, imageId: 'gone.png', answers: ['here'], questionType: 'where' }),
    ])
    expect(dataset.examples[2]).not.toHaveProperty('image')
    expect(dataset.missingImages).toBe(1)
    expect(dataset.notices).toEqual([`1 of 3 questions have no image in ${folder}/images: gone.png`])
  })

  test('contexts stand in place of images, which are not missing then', async () => {
    const rows = [
      { question_id: 1, image_id: 7, context: 'a dog', question: 'What?', answers: ['dog'] },
      { question_id: 2, context: 'a cat', question: 'What?', answers: ['cat'] },
      { question_id: 3, context: 'a cat', question: 'How many?', answers: ['1'] },
    ]
    const folder = await folderOf({ 'questions.jsonl': lines(...rows) })
    const files = await locateDataset(folder)
    const dataset = await readDataset(files)
    expect(dataset).toMatchObject({ missingImages: 0, notices: [] })
    expect(dataset.examples.map(({ context }) => context)).toEqual(['a dog', 'a cat', 'a cat'])
    const ids = dataset.examples.map(({ imageId }) => imageId)
    expect(ids).toEqual([7, expect.stringMatching(/^context:[0-9a-f]{16}$/), ids[1]])
    const cache = join(folder, 'cache')
    await readDataset({ ...files, cache })
    expect((await readDataset({ ...files, cache })).examples).toEqual(dataset.examples)

    const named = { ...rows[0], question_id: 4, image: 'gone.png' }
    const mixed = await folderOf({ 'questions.jsonl': lines(...rows, named) })
    expect((await readDataset(await locateDataset(mixed))).missingImages).toBe(4)
    const nothing = await folderOf({ 'questions.jsonl': lines({ question: '?', answers: ['x'] }) })
    expect((await rejection(readDataset(await locateDataset(nothing)))).message).toContain(
      'line 1: it has no image, no image_id and no context; give one of them',
    )
    const wrong = await folderOf({ 'questions.jsonl': lines({ question: '?', context: 3, answers: ['x'] }) })
    expect((await rejection(readDataset(await locateDataset(wrong)))).message).toContain(
      'context must be a string',
    )
  })

  test('images beside the file, a split chosen by its name, fields that mean nothing', async () => {
    const rows = [
      { question_id: 5, image: 'a.png', question: '?', answers: ['x'], split: 'train', anwser: 'x' },
      { question_id: 6, image: 'a.png', question: '?', answers: ['y'], split: 'validation' },
    ]
    const folder = await folderOf({ 'questions.jsonl': lines(...rows), 'a.png': '' })
    const files = await locateDataset(folder, { split: 'val' })
    const dataset = await readDataset(files)
    expect(dataset).toMatchObject({ split: 'validation', missingImages: 0 })
    expect(dataset.examples.map(({ id }) => id)).toEqual([6])
    expect(dataset.notices).toEqual([`${files.questions}: unknown field "anwser" (1 line) ignored`])
    expect((await rejection(readDataset(await locateDataset(folder)))).message).toMatch(
      /holds the splits train, validation; choose one with --split/,
    )
    expect((await rejection(readDataset({ ...files, split: 'test' }))).message).toMatch(
      /no split test, only train/,
    )
  })

  test.each([
    ['no question', { image: 'a' }, /line 2: question must be a string, got nothing/],
    ['a question that is none', { image: 'a', question: 3 }, /line 2: question must be a string, got 3/],
    [
      'answers that are none',
      { image: 'a', question: '?', answers: 'yes' },
      /line 2: answers must be a list/,
    ],
    [
      'an answer that is none',
      { image: 'a', question: '?', answers: ['a', 1] },
      /line 2: answers\[1\] must be/,
    ],
    ['an image that is none', { image: 5, question: '?' }, /line 2: image must be a path, got 5/],
    ['an id that is none', { image: 'a', question: '?', question_id: [] }, /line 2: question_id must be/],
    ['no image', { question: '?', question_id: 'q' }, /line 2: it has no image, no image_id and no context/],
    [
      'an id twice',
      { image: 'a', question: '?', question_id: 1 },
      /question 1 is given twice: line 1 and line 2/,
    ],
    ['a list', [], /line 2: a question must be an object, got a list/],
  ])('%s', async (_, row, message) => {
    const first = { question_id: 1, image: 'a', question: '?', answers: [] }
    const files = await writeFiles({ 'questions.jsonl': lines(first, row) })
    const error = await rejection(readDataset({ questions: files['questions.jsonl'] }))
    expect(error).toMatchObject({ name: 'InputError', code: 'LEVER_INPUT' })
    expect(error.message).toMatch(message)
    expect(error.message).toContain('questions.jsonl')
  })

  test('ids below 0 are no ids of examples', async () => {
    const rows = [-3, 5].map((id) => ({ question_id: id, image: 'a', question: '?', answers: ['x'] }))
    const files = await writeFiles({ 'questions.jsonl': lines(...rows) })
    const { examples } = await readDataset({ questions: files['questions.jsonl'] })
    expect(examples.map(({ id, questionId }) => [id, questionId])).toEqual([
      [0, -3],
      [1, 5],
    ])
  })

  test('broken JSON is told with its line', async () => {
    const files = await writeFiles({ 'q.jsonl': '{"image":"a","question":"?"}\n\n{"image":' })
    const error = await rejection(readDataset({ questions: files['q.jsonl'] }))
    expect(error.message).toMatch(/q\.jsonl.*line 3/)
  })
})

describe('A-OKVQA', () => {
  const row = (id: string, more: object = {}): object => ({
    split: 'train',
    image_id: 299207,
    question_id: id,
    question: 'What is the man by the bags awaiting?',
    choices: ['skateboarder', 'train', 'delivery', 'cab'],
    correct_choice_idx: 3,
    direct_answers: ['ride', 'ride', 'bus', 'taxi', 'travelling', 'traffic', 'taxi', 'cab', 'cab', 'cab'],
    difficult_direct_answer: false,
    rationales: ['a', 'b', 'c'],
    ...more,
  })

  test('the official file with COCO 2017 images', async () => {
    const train = [row('22MexNkBPpdZGX6sxbxVBH'), row('b', { difficult_direct_answer: true }), row('c')]
    const test = [{ split: 'test', image_id: 1, question_id: 't', question: '?', choices: ['a', 'b'] }]
    const folder = await folderOf({
      'aokvqa_v1p0_train.json': JSON.stringify(train),
      'aokvqa_v1p0_test.json': JSON.stringify(test),
      'large_vocab_train.csv': '',
      'train2017/000000299207.jpg': '',
    })
    const files = await locateDataset(folder, { split: 'train' })
    expect(files).toEqual({
      form: 'aokvqa',
      split: 'train',
      questions: join(folder, 'aokvqa_v1p0_train.json'),
      images: folder,
    })
    const { examples, notices, name, missingImages } = await readDataset(files)
    expect([name, missingImages]).toEqual(['aokvqa', 0])
    expect(examples.map(({ id, questionId }) => [id, questionId])).toEqual([
      [0, '22MexNkBPpdZGX6sxbxVBH'],
      [2, 'c'],
    ])
    expect(examples[0]).toMatchObject({
      metric: 'aokvqa',
      answer: 'cab',
      correctChoice: 3,
      image: join(folder, 'train2017/000000299207.jpg'),
    })
    expect(notices).toEqual(['1 of 3 questions are marked difficult_direct_answer and left out'])
    const unanswered = await readDataset(await locateDataset(folder, { split: 'test' }))
    expect(unanswered.examples[0]).toMatchObject({ answers: [], answer: '', choices: ['a', 'b'] })
  })

  test('a right choice that is none, and no id', async () => {
    const files = await writeFiles({
      'a.json': JSON.stringify([row('x', { correct_choice_idx: 4 })]),
      'b.json': JSON.stringify([row('x', { question_id: undefined })]),
    })
    expect((await rejection(readDataset({ questions: files['a.json'] }))).message).toMatch(
      /questions\[0\]: correct_choice_idx must be the place of a choice, got 4/,
    )
    expect((await rejection(readDataset({ questions: files['b.json'] }))).message).toMatch(
      /questions\[0\]: question_id must be/,
    )
  })
})

describe('finding a dataset', () => {
  const vqa = {
    'v2_OpenEnded_mscoco_train2014_questions.json': questionsOf([1, 2], 'train2014'),
    'v2_mscoco_train2014_annotations.json': annotationsOf([1, 2]),
    'v2_OpenEnded_mscoco_val2014_questions.json': questionsOf([3], 'val2014'),
    'v2_mscoco_val2014_annotations.json': annotationsOf([3]),
    'v2_OpenEnded_mscoco_test-dev2015_questions.json': questionsOf([4], 'test-dev2015'),
    'train2014/COCO_train2014_000000000010.jpg': '',
    'val2014/COCO_val2014_000000000030.png': '',
  }

  test('the official files of all splits in one folder, images in folders of their own', async () => {
    const folder = await folderOf(vqa)
    const train = await readDataset(await locateDataset(folder, { split: 'train' }))
    expect(train).toMatchObject({ split: 'train2014', missingImages: 1 })
    expect(train.examples[0]!.image).toBe(join(folder, 'train2014/COCO_train2014_000000000010.jpg'))
    expect(train.examples[0]!.answers).toHaveLength(10)
    expect(train.notices).toEqual([`1 of 2 questions have no image in ${folder}: 20`])
    const val = await readDataset(await locateDataset(folder, { split: 'val2014' }))
    expect(val.examples[0]!.image).toBe(join(folder, 'val2014/COCO_val2014_000000000030.png'))
    const blind = await readDataset(await locateDataset(folder, { split: 'test-dev' }))
    expect(blind.examples.map(({ answers }) => answers.length)).toEqual([0])
    const file = await locateDataset(join(folder, 'v2_OpenEnded_mscoco_val2014_questions.json'))
    expect(file).toMatchObject({
      annotations: join(folder, 'v2_mscoco_val2014_annotations.json'),
      images: folder,
    })
  })

  test('what it says when it cannot choose', async () => {
    const folder = await folderOf(vqa)
    const say = async (path: string, split?: string): Promise<string> =>
      (await rejection(locateDataset(path, { split, flag: '--dataset' }))).message
    expect(await say(folder)).toBe(
      `--dataset: ${folder} holds the splits test-dev2015, train2014, val2014; choose one with --split`,
    )
    expect(await say(folder, 'dev')).toBe(
      `--dataset: ${folder} has no split dev; it has test-dev2015, train2014, val2014`,
    )
    expect(await say(await folderOf({ 'a.json': '{}' }))).toMatch(
      /holds no dataset: there is no aokvqa_\*\.json.*no questions\.jsonl.*no questions\.json .*no \*\.parquet/,
    )
    expect(await say('/nowhere')).toMatch(/--dataset: there is no folder \/nowhere/)
    expect(await say(await folderOf({ 'questions.jsonl': '', 'x_questions.json': '' }))).toMatch(
      /holds several datasets: questions\.jsonl, x_questions\.json; give the file of one/,
    )
  })

  test('questions.json before others, images above, choices of VQA v1 after open questions', async () => {
    const folder = await folderOf({
      'train/questions.json': '{}',
      'train/old_questions.json': '{}',
      'train/annotations.json': '{}',
      'images/1.png': '',
      'v1/OpenEnded_mscoco_val2014_questions.json': '{}',
      'v1/MultipleChoice_mscoco_val2014_questions.json': '{}',
    })
    expect(await locateDataset(join(folder, 'train'))).toEqual({
      form: 'official',
      split: '',
      questions: join(folder, 'train/questions.json'),
      annotations: join(folder, 'train/annotations.json'),
      images: join(folder, 'images'),
    })
    expect((await locateDataset(join(folder, 'v1'))).questions).toMatch(/OpenEnded_mscoco_val2014/)
  })
})

describe('the cache of the joined form', () => {
  test('gives what the files give, finds images anew, and forgets when a file changes', async () => {
    const folder = await folderOf({
      'questions.json': questionsOf([1, 2], 'val2014'),
      'annotations.json': annotationsOf([1, 2]),
    })
    const files = { ...(await locateDataset(folder)), images: folder, split: 'val2014' }
    const cache = join(folder, 'cache')
    const plain = await readDataset(files)
    expect(await readDataset({ ...files, cache })).toEqual(plain)
    expect(await readDataset({ ...files, cache })).toEqual(plain)
    await symlink(join(folder, 'questions.json'), join(folder, '10.png'))
    expect(await readDataset({ ...files, cache })).toEqual(await readDataset(files))
    await writeFile(join(folder, 'questions.json'), questionsOf([2, 1], 'val2014'))
    expect((await readDataset({ ...files, cache })).examples.map(({ id }) => id)).toEqual([2, 1])
    expect(await readdir(join(cache, 'datasets'))).toHaveLength(2)
    expect(relative(folder, plain.examples[0]!.image ?? folder)).toBe('')
  })

  test('is only told when it cannot be kept', async () => {
    const folder = await folderOf({
      'questions.json': questionsOf([1, 2], 'val2014'),
      'annotations.json': annotationsOf([1, 2]),
      file: '',
    })
    const files = await locateDataset(folder)
    const { notices, ...dataset } = await readDataset({ ...files, cache: join(folder, 'file') })
    expect(notices).toEqual([
      `the joined form cannot be kept in ${join(folder, 'file')} (ENOTDIR), and is made again every time`,
    ])
    expect({ ...dataset, notices: [] }).toEqual(await readDataset(files))
  })
})

describe('description', () => {
  const example = (
    id: number,
    answers: readonly string[],
    more: object = {},
  ): Dataset['examples'][number] => ({
    id,
    questionId: id,
    imageId: id % 3,
    question: 'What is it ?',
    answers,
    answer: answers[0] ?? '',
    questionType: 'what',
    answerType: 'other',
    ...more,
  })
  const dataset = (examples: Dataset['examples']): Dataset => ({
    form: 'official',
    name: 'toy',
    split: 'val',
    examples,
    hash: 'ab'.repeat(32),
    missingImages: 0,
    notices: [],
  })
  const ten = (a: string, n: number, b: string): string[] =>
    Array.from({ length: 10 }, (_, i) => (i < n ? a : b))

  test('counts, agreement, ceiling and majority by hand', () => {
    const found = describeDataset(
      dataset([
        example(0, ten('cat', 10, ''), { image: '/0.png' }),
        example(1, ten('A cat.', 2, 'dog')),
        example(2, ten('a', 5, 'b'), { answerType: 'number' }),
        example(3, []),
      ]),
    )
    expect(found).toMatchObject({
      questions: { count: 4, words: { min: 4, mean: 4, max: 4 } },
      images: {
        count: 3,
        found: 1,
        missing: { count: 3, first: [1, 2, 0] },
        questionsEach: { min: 1, max: 2 },
      },
      answers: { questions: 3, unanimous: 1 / 3, distinct: 3 },
      metric: 'official',
    })
    expect(found.answers.agreement).toBeCloseTo((1 + 0.8 + 0.5) / 3, 12)
    expect(found.answers.types).toEqual([
      { name: 'other', count: 3, share: 0.75 },
      { name: 'number', count: 1, share: 0.25 },
    ])
    expect(found.baselines!.ceiling).toBeCloseTo(100, 10)
    expect(found.baselines!.majority.answer).toBe('A cat.')
    expect(found.baselines!.majority.accuracy).toBeCloseTo((100 * (0 + 0.6 + 0)) / 3, 10)
    expect(formatDataset(found)).toContain('majority    20.00, always "A cat."')
  })

  test('the ceiling is what the best of the answers scores', () => {
    const word = fc.constantFrom('cat', 'Cat', 'a cat', 'dog', 'two', '2', '', 'the')
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), fc.boolean(), (answers, direct) => {
        const metric = direct ? ('aokvqa' as const) : undefined
        const one = dataset([example(1, answers, { ...(metric && { metric }) })])
        const best = Math.max(
          ...answers.map((text) => scoreAnswer(text, answers, { mode: metric ?? 'official' }).accuracy),
        )
        expect(describeDataset(one).baselines!.ceiling).toBeCloseTo(100 * best, 10)
      }),
      { seed: 3 },
    )
  })

  test('leakage between splits', () => {
    const a = dataset([example(0, ['x']), example(1, ['x']), example(4, ['x'])])
    const b = dataset([example(1, ['y']), example(7, ['y'])])
    const c = dataset([example(2, ['z'])])
    const found = leakageBetween([a, b, c])
    expect(found).toEqual([
      { between: [0, 1], images: 1, questions: [2, 2], sameQuestions: 1 },
      { between: [0, 2], images: 0, questions: [0, 0], sameQuestions: 0 },
      { between: [1, 2], images: 0, questions: [0, 0], sameQuestions: 0 },
    ])
    expect(formatLeakage(found, ['a', 'b', 'c']).split('\n')).toEqual([
      'a and b share 1 images (2 and 2 questions are about them) and 1 question ids',
      'a and c share no image',
      'b and c share no image',
    ])
  })

  test('nothing, and no answers', () => {
    expect(describeDataset(dataset([]))).toMatchObject({ questions: { count: 0 }, baselines: null })
    expect(formatDataset(describeDataset(dataset([example(1, [])])))).toContain('answers     none')
  })
})
