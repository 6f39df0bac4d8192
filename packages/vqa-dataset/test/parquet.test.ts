import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { parsePythonList } from '../src/python-list.ts'
import { locateDataset, readDataset } from '../src/index.ts'
import { rejection, writeFiles } from './support.ts'

const GOLDEN = fileURLToPath(new URL('../../../fixtures/golden/vqa-parquet/', import.meta.url))
const WORLD = fileURLToPath(new URL('../../../fixtures/shapes-vqa/world/images/', import.meta.url))
const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), 'vqa-parquet-'))

test('VQA v2 as pyarrow writes it: all shards, images once', async () => {
  const cache = await scratch()
  const { questions, split, form } = await locateDataset(join(GOLDEN, 'vqav2'))
  expect([form, split]).toEqual(['parquet', 'validation'])
  const dataset = await readDataset({ questions, cache })
  expect(dataset).toMatchObject({ form: 'parquet', split: 'validation', missingImages: 0, notices: [] })
  const { examples } = dataset
  expect(examples.map(({ id, imageId, question, answer }) => [id, imageId, question, answer])).toEqual([
    [262148000, 262148, 'Where is he looking?', 'down'],
    [262148001, 262148, 'Is it été?', 'yes'],
    [393225000, 393225, 'How many?', '2'],
    [393226000, 262148, 'Is it day?', 'yes'],
  ])
  expect(examples[0]!.answers).toEqual([...Array<string>(6).fill('down'), ...Array<string>(4).fill('table')])
  expect(examples[2]).toMatchObject({ questionType: 'what', answerType: 'number' })
  expect(new Set(examples.map(({ image }) => image)).size).toBe(2)
  expect(await readFile(examples[3]!.image!)).toEqual(await readFile(join(WORLD, '1.png')))
  expect(examples[0]!.image).toMatch(/\/images\/[0-9a-f]{2}\/[0-9a-f]{64}\.png$/)
})

test('OK-VQA: texts of digits are ids, images are known by their names or contents', async () => {
  const { questions } = await locateDataset(join(GOLDEN, 'okvqa'))
  const { examples, split } = await readDataset({ questions, cache: await scratch() })
  expect(split).toBe('val2014')
  expect(examples.map(({ id, questionId }) => [id, questionId])).toEqual([
    [2971475, 2971475],
    [3397615, 3397615],
  ])
  expect(examples[0]!.imageId).toMatch(/^[0-9a-f]{32}$/)
  expect(examples[1]).toMatchObject({ imageId: 339761, answer: 'vine', questionType: 'eight' })
})

test('A-OKVQA: answers as a Python list, rows as ids, difficult questions left out', async () => {
  const { questions } = await locateDataset(join(GOLDEN, 'aokvqa'), { split: 'val' })
  const cache = await scratch()
  const { examples, notices } = await readDataset({ questions, cache })
  expect(examples.map(({ id, questionId }) => [id, questionId])).toEqual([
    [0, '22jbM6gDxdaMaunuzgrsBB'],
    [2, '2CZ2tqEC8RzCn9YCqFvUJV'],
  ])
  expect(examples[0]).toMatchObject({
    metric: 'aokvqa',
    answers: [...Array<string>(6).fill('cigarette'), 'it\'s a "stick"', 'it\'s a "stick"', 'joint', 'né'],
    choices: ['toothpick', 'food', 'popsicle stick', 'cigarette'],
    correctChoice: 3,
  })
  expect(examples[0]!.imageId).toBe(examples[1]!.imageId)
  expect(notices).toEqual(['1 of 3 questions are marked difficult_direct_answer and left out'])
  const all = await readDataset({ questions, cache, keepDifficult: true })
  expect(all.examples.map(({ id }) => id)).toEqual([0, 1, 2])
})

test("the layout of the Hub's converter, and the splits of one folder", async () => {
  const folder = await scratch()
  const shard = (index: number): string => join(GOLDEN, `vqav2/data/validation-0000${index}-of-00002.parquet`)
  await cp(shard(0), join(folder, 'default/validation/0000.parquet'))
  await cp(shard(1), join(folder, 'default/validation/0001.parquet'))
  await cp(shard(1), join(folder, 'default/train/0000.parquet'))
  const val = await readDataset({ ...(await locateDataset(folder, { split: 'val' })), cache: folder })
  expect(val).toMatchObject({ split: 'validation', notices: [] })
  expect(val.examples).toHaveLength(4)
  const train = await readDataset({ ...(await locateDataset(folder, { split: 'train' })), cache: folder })
  expect([train.split, train.examples.length]).toEqual(['train', 1])
  expect((await rejection(locateDataset(folder))).message).toMatch(
    /holds the splits train, validation; choose/,
  )
})

test('a shard that is not there is said, and one may be read alone', async () => {
  const folder = await scratch()
  await cp(
    join(GOLDEN, 'vqav2/data/validation-00001-of-00002.parquet'),
    join(folder, 'validation-00001-of-00002.parquet'),
  )
  const { questions } = await locateDataset(folder)
  const { examples, notices } = await readDataset({ questions, cache: await scratch() })
  expect(examples).toHaveLength(1)
  expect(notices[0]).toMatch(/^1 of 2 shards of .* are there$/)
})

test('the joined form is kept under the hash of the files, and a damaged one is made again', async () => {
  const [cache, folder] = [await scratch(), await scratch()]
  await cp(join(GOLDEN, 'vqav2'), folder, { recursive: true })
  const questions = join(folder, 'data', 'validation-00000-of-00002.parquet')
  const fresh = await readDataset({ questions, cache })
  const [kept, ...others] = await readdir(join(cache, 'datasets'))
  expect(others).toEqual([])
  const path = join(cache, 'datasets', kept!)
  const bytes = await readFile(path, 'utf8')
  expect(await readDataset({ questions, cache })).toEqual(fresh)
  for (const damaged of ['', '{', bytes.slice(0, -9), bytes.replace('looking', 'cooking'), `{}\n${bytes}`]) {
    await writeFile(path, damaged)
    expect(await readDataset({ questions, cache })).toEqual(fresh)
    expect(await readFile(path, 'utf8')).toBe(bytes)
  }
  await rm(join(cache, 'images'), { recursive: true })
  expect((await readDataset({ questions, cache })).missingImages).toBe(0)
  await rm(join(folder, 'data', 'validation-00001-of-00002.parquet'))
  expect((await readDataset({ questions, cache })).examples).toHaveLength(3)
})

test('images that cannot be kept name the folder', async () => {
  const folder = await scratch()
  await writeFile(join(folder, 'file'), '')
  const { questions } = await locateDataset(join(GOLDEN, 'vqav2'))
  expect((await rejection(readDataset({ questions, cache: join(folder, 'file') }))).message).toMatch(
    /cannot keep images in .*file.images \(ENOTDIR\); choose another cache folder/,
  )
})

test('a file of hyparquet-writer without images, and a pattern', async () => {
  const folder = await scratch()
  const file = (ids: number[]): Buffer =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'question_id', data: ids, type: 'INT32' },
          { name: 'image_id', data: ids, type: 'INT32' },
          { name: 'question', data: ids.map((id) => `Question ${id}?`), type: 'STRING' },
          { name: 'answers', data: ids.map(() => ['a', 'b', 'b']), type: 'JSON' },
        ],
      }),
    )
  await writeFile(join(folder, 'part-a.parquet'), file([1, 2]))
  await writeFile(join(folder, 'part-b.parquet'), file([3]))
  const { examples, hash } = await readDataset({ questions: join(folder, 'part-*.parquet'), cache: folder })
  expect(examples.map(({ id, answer }) => [id, answer])).toEqual([
    [1, 'b'],
    [2, 'b'],
    [3, 'b'],
  ])
  expect(hash).toMatch(/^[0-9a-f]{64}$/)
})

test.each([
  ['no parquet at all', 'x.parquet', Buffer.from('not parquet'), /x\.parquet cannot be read as parquet: /],
  [
    'no questions',
    'y.parquet',
    Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'text', data: ['a'] }] })),
    /y\.parquet: it has no column "question", only text/,
  ],
  [
    'a question that is none',
    'z.parquet',
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'question', data: [7], type: 'INT32' },
          { name: 'image_id', data: [7], type: 'INT32' },
        ],
      }),
    ),
    /z\.parquet: row 0: question must be a string, got 7/,
  ],
] as const)('%s', async (_, name, bytes, message) => {
  const files = await writeFiles({ [name]: bytes })
  const error = await rejection(readDataset({ questions: files[name]!, cache: await scratch() }))
  expect(error).toMatchObject({ name: 'InputError', code: 'LEVER_INPUT' })
  expect(error.message).toMatch(message)
})

test('images need a folder to be kept in', async () => {
  const questions = join(GOLDEN, 'okvqa/data/val2014-00000-of-00001.parquet')
  const error = await rejection(readDataset({ questions }))
  expect(error.message).toMatch(/parquet: row 0: it holds its image; give a folder/)
})

test('Python lists', () => {
  expect(parsePythonList(`['a', "it's", 'b\\'c', 'x\\n', '\\xe9\\u20ac\\U0001f600']`)).toEqual([
    'a',
    "it's",
    "b'c",
    'x\n',
    'é€😀',
  ])
  expect(parsePythonList('[]')).toEqual([])
  expect(parsePythonList(" ['a',] ")).toEqual(['a'])
  for (const text of ['', 'a', "['a' 'b']", '[1]', "['a", "['a']x"]) {
    expect(parsePythonList(text)).toBeUndefined()
  }
  const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`
  fc.assert(
    fc.property(fc.array(fc.string()), (texts) => {
      expect(parsePythonList(`[${texts.map(quote).join(', ')}]`)).toEqual(texts)
    }),
    { seed: 1 },
  )
})

test('zstd is read where Node has it, and elsewhere refused with what is needed', async () => {
  const path = join(await scratch(), 'zstd.parquet')
  const compress =
    'zstdCompressSync' in zlib ? (zlib.zstdCompressSync as (bytes: Uint8Array) => Uint8Array) : undefined
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'question_id', data: [1, 2], type: 'INT32' },
      { name: 'question', data: ['what ?', 'where ?'], type: 'STRING' },
      { name: 'multiple_choice_answer', data: ['cat', 'home'], type: 'STRING' },
    ],
    codec: 'ZSTD',
    compressors: { ZSTD: compress ?? ((bytes) => bytes) },
  })
  await writeFile(path, Buffer.from(buffer))
  const read = readDataset({ questions: path, cache: await scratch() })
  if (compress !== undefined) expect((await read).examples).toHaveLength(2)
  else
    await expect(read).rejects.toThrow(/compressed with zstd, which needs Node 22\.15 or later \(this is v20/)
})

test('a page that unpacks to more than the limit is refused, and the limit can be set', async () => {
  const path = join(await scratch(), 'bomb.parquet')
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'question_id', data: [1], type: 'INT32' },
      { name: 'question', data: [`what? ${'a'.repeat(200_000)}`], type: 'STRING' },
      { name: 'image_id', data: [1], type: 'INT32' },
    ],
    codec: 'GZIP',
    compressors: { GZIP: (data) => zlib.gzipSync(data) },
  })
  expect(bytes.byteLength).toBeLessThan(5000)
  await writeFile(path, Buffer.from(bytes))
  try {
    process.env['LEVER_MAX_UNPACKED_BYTES'] = '10000'
    expect((await rejection(readDataset({ questions: path, cache: await scratch() }))).message).toContain(
      'a page of it unpacks to more than 10000 bytes, the limit; if it should be that large, set LEVER_MAX_UNPACKED_BYTES',
    )
    process.env['LEVER_MAX_UNPACKED_BYTES'] = '1000000'
    await expect(readDataset({ questions: path, cache: await scratch() })).resolves.toBeDefined()
  } finally {
    delete process.env['LEVER_MAX_UNPACKED_BYTES']
  }
})
