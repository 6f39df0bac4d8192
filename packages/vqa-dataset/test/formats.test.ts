import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { describeDataset, locateDataset, readDataset } from '../src/index.ts'
import type { DatasetForm } from '../src/index.ts'
import { FORMS } from '../src/format-of.ts'
import { FIXTURES, writeFixture, type FixtureRow } from './format-fixtures.ts'
import { rejection } from './support.ts'

const ROWS: readonly FixtureRow[] = [
  { question_id: 20, image_id: 2, question: 'Is it é?', answers: ['yes', 'yes', 'no'] },
  { question_id: 10, image_id: 1, question: 'What?', answers: ['red', 'red', 'red'] },
]

/** Where the row at a place stands in a message. */
const PLACES: Readonly<Record<DatasetForm, (row: number) => string>> = {
  aokvqa: (row) => `questions[${row}]`,
  lines: (row) => `line ${row + 1}`,
  official: (row) => `questions[${row}]`,
  parquet: (row) => `row ${row}`,
}

describe.each(FORMS)('format %s', (form) => {
  const write = (...rows: readonly FixtureRow[]): ReturnType<typeof writeFixture> =>
    writeFixture(FIXTURES[form](rows))
  const refusal = async (...rows: readonly FixtureRow[]): Promise<string> => {
    const { folder } = await write(...rows)
    const error = await rejection(locateDataset(folder).then((files) => readDataset(files)))
    expect(error.code).toBe('LEVER_INPUT')
    return error.message
  }

  test('is found in a folder, known by its file, and read', async () => {
    const { folder, questions } = await write(...ROWS)
    const files = await locateDataset(folder)
    expect(files).toMatchObject({ form, questions })
    expect(await locateDataset(questions)).toMatchObject({ form, questions })
    const dataset = await readDataset(files)
    expect(dataset.form).toBe(form)
    expect(
      dataset.examples.map(({ id, questionId, imageId, question, answers, answer }) => ({
        id,
        questionId,
        imageId,
        question,
        answers,
        answer,
      })),
    ).toEqual([
      { id: 20, questionId: 20, imageId: 2, question: 'Is it é?', answers: ROWS[0]!.answers, answer: 'yes' },
      { id: 10, questionId: 10, imageId: 1, question: 'What?', answers: ROWS[1]!.answers, answer: 'red' },
    ])
  })

  test('gives the same from the cache', async () => {
    const { folder } = await write(...ROWS)
    const files = await locateDataset(folder)
    const plain = await readDataset(files)
    expect(await readDataset({ ...files, cache: join(folder, 'cache') })).toEqual(plain)
    expect(await readDataset({ ...files, cache: join(folder, 'cache') })).toEqual(plain)
  })

  test('without answers gives examples without answers, and describe says what to add', async () => {
    const { folder } = await write(...ROWS.map((row) => ({ ...row, answers: undefined })))
    const dataset = await readDataset(await locateDataset(folder))
    expect(dataset.examples.map(({ answers, answer }) => [answers, answer])).toEqual([
      [[], ''],
      [[], ''],
    ])
    expect(describeDataset(dataset).notices.at(-1)).toMatch(
      /^2 of 2 questions have no answers, .*; add (a field|a column|the annotations)/,
    )
  })

  test('refuses a row without a question, with file and place', async () => {
    const message = await refusal(ROWS[0]!, { ...ROWS[1]!, question: null })
    expect(message).toContain(PLACES[form](1))
    expect(message).toContain('question must be a string')
  })

  test.each([
    ['a fraction', 4.5, /question_id must be an integer or a string, got 4\.5/],
    ['null', null, /question_id must be an integer or a string, got null/],
  ])('refuses an id that is %s, with file and place', async (_, id, pattern) => {
    if (form === 'parquet' && id === null) return
    const message = await refusal(ROWS[0]!, { ...ROWS[1]!, question_id: id })
    expect(message).toMatch(pattern)
    expect(message).toContain(PLACES[form](1))
  })

  test('refuses an id that is given twice, with both places', async () => {
    const message = await refusal(ROWS[0]!, ROWS[1]!, { ...ROWS[0]!, answers: ['b'] })
    expect(message).toContain('question 20 is given twice')
    if (form !== 'official') expect(message).toContain(`${PLACES[form](0)} and ${PLACES[form](2)}`)
  })

  test('refuses UTF-16', async () => {
    if (form === 'parquet') return
    const [first, ...others] = Object.entries(FIXTURES[form](ROWS))
    const [name, content] = first!
    const bytes = Buffer.from(`\ufeff${String(content)}`, 'utf16le')
    const { questions } = await writeFixture({ [name]: bytes, ...Object.fromEntries(others) })
    expect((await rejection(readDataset({ questions }))).message).toMatch(/UTF-16; save it as UTF-8/)
  })

  test('refuses a file that is cut off, and annotations that it would ignore', async () => {
    const [[name, content], ...others] = Object.entries(FIXTURES[form](ROWS)) as [
      [string, string | Uint8Array],
      ...[string, string | Uint8Array][],
    ]
    const half = content.slice(0, content.length - 20)
    const { folder } = await writeFixture({ [name]: half, ...Object.fromEntries(others) })
    const error = await rejection(locateDataset(folder).then((files) => readDataset(files)))
    expect(error.code).toBe('LEVER_INPUT')
    expect(error.message).toContain(name)
    if (form === 'official' || form === 'aokvqa') return
    const { questions } = await write(...ROWS)
    const annotations = join(folder, 'annotations.json')
    expect((await rejection(readDataset({ questions, annotations }))).message).toMatch(/would be ignored/)
  })
})
