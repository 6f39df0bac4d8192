import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { locateDataset, readDataset, type ReadDatasetOptions } from '../src/index.ts'
import { rejection } from './support.ts'

/** A dataset whose second line names an image, and a folder beside it with a secret. */
async function datasetOf(
  row: object,
): Promise<{ folder: string; secret: string; files: ReadDatasetOptions }> {
  const root = await mkdtemp(join(tmpdir(), 'vqa-images-'))
  const folder = join(root, 'dataset')
  await mkdir(join(folder, 'images'), { recursive: true })
  await mkdir(join(root, 'home'))
  const secret = join(root, 'home', 'secret.png')
  await writeFile(secret, 'secret')
  await writeFile(join(folder, 'images', '1.png'), '')
  const rows = [
    { question: 'a?', image: 'images/1.png', answers: ['x'] },
    { question: 'b?', answers: ['x'], ...row },
  ]
  await writeFile(join(folder, 'questions.jsonl'), rows.map((one) => JSON.stringify(one)).join('\n'))
  return { folder, secret, files: await locateDataset(folder) }
}

describe('an image outside the dataset', () => {
  const OUTSIDE = /questions\.jsonl: line 2: the image .* lies outside the dataset.*--allow-outside-images/

  test('by .. is refused, unless that is allowed or its folder is given', async () => {
    const { files, secret } = await datasetOf({ image: '../home/secret.png' })
    const error = await rejection(readDataset(files))
    expect(error.code).toBe('LEVER_INPUT')
    expect(error.message).toMatch(OUTSIDE)
    const allowed = await readDataset({ ...files, allowOutsideImages: true })
    expect(allowed.examples[1]!.image).toBe(secret)
    const given = await readDataset({ ...files, images: join(secret, '..') })
    expect(given.examples[1]!.image).toBe(secret)
  })

  test('by absolute path is refused', async () => {
    const { folder, secret } = await datasetOf({ image: 'images/1.png' })
    const row = { question: 'a?', answers: ['x'], image: secret }
    await writeFile(
      join(folder, 'questions.jsonl'),
      `${JSON.stringify({ ...row, image: 'images/1.png' })}\n${JSON.stringify(row)}\n`,
    )
    expect((await rejection(readDataset(await locateDataset(folder)))).message).toMatch(OUTSIDE)
  })

  test.each([
    ['a linked file named by path', { image: 'images/2.png' }, 'images/2.png', 'secret.png'],
    ['a linked file found by id', { image_id: 2 }, 'images/2.png', 'secret.png'],
    ['a linked folder', { image: 'images/other/secret.png' }, 'images/other', ''],
  ])('%s is refused', async (_, row, link, target) => {
    const { folder, secret, files } = await datasetOf(row)
    await symlink(join(secret, '..', target), join(folder, link))
    expect((await rejection(readDataset(files))).message).toMatch(OUTSIDE)
    expect((await readDataset({ ...files, allowOutsideImages: true })).missingImages).toBe(0)
  })

  test('links inside the dataset, and an image folder that is itself a link, are fine', async () => {
    const { folder, files } = await datasetOf({ image_id: 3 })
    await symlink(join(folder, 'images', '1.png'), join(folder, 'images', '3.png'))
    expect((await readDataset(files)).missingImages).toBe(0)
    const linked = await datasetOf({ image: 'images/1.png' })
    await symlink(join(folder, 'images'), join(linked.folder, 'linked'))
    const images = join(linked.folder, 'linked')
    expect((await readDataset({ ...linked.files, images })).missingImages).toBe(0)
  })
})

test('a folder and a named pipe are not images', async () => {
  const { folder, files } = await datasetOf({ image: 'images/2.png' })
  await mkdir(join(folder, 'images', '2.png'))
  expect((await rejection(readDataset(files))).message).toMatch(
    /line 2: the image images\/2\.png is a folder, not an image file/,
  )
  const pipe = await datasetOf({ image_id: 9 })
  execFileSync('mkfifo', [join(pipe.folder, 'images', '9.png')])
  expect((await rejection(readDataset(pipe.files))).message).toMatch(/line 2: .*9\.png is a named pipe/)
})

test('ids are of all lines or of none, and test-dev2015 has images of test2015', async () => {
  const { files } = await datasetOf({ image: 'images/1.png', question_id: 0 })
  expect((await rejection(readDataset(files))).message).toMatch(
    /line 1: question_id is missing, but line 2 has one; give every question an id, or none/,
  )
  const folder = await mkdtemp(join(tmpdir(), 'vqa-images-'))
  await mkdir(join(folder, 'test2015'))
  await writeFile(join(folder, 'test2015', 'COCO_test2015_000000000007.jpg'), '')
  const name = 'v2_OpenEnded_mscoco_test-dev2015_questions.json'
  const questions = [{ question_id: 1, image_id: 7, question: '?' }]
  await writeFile(join(folder, name), JSON.stringify({ data_subtype: 'test-dev2015', questions }))
  const found = await readDataset(await locateDataset(folder))
  expect(found.missingImages).toBe(0)
})

test('two datasets in one folder: the advice works, and each has its own annotations', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vqa-images-'))
  for (const [i, prefix] of ['', 'v2_'].entries()) {
    const [question_id, image_id] = [i, 1]
    const answers = [{ answer: `answer ${i}`, answer_id: 1 }]
    await writeFile(
      join(folder, `${prefix}OpenEnded_mscoco_val2014_questions.json`),
      JSON.stringify({ questions: [{ question_id, image_id, question: '?' }] }),
    )
    await writeFile(
      join(folder, `${prefix}mscoco_val2014_annotations.json`),
      JSON.stringify({ annotations: [{ question_id, image_id, answers }] }),
    )
  }
  const { message } = await rejection(locateDataset(folder, { flag: '--dataset' }))
  const advised = /such as --dataset (\S+)$/.exec(message)![1]!
  expect((await readDataset(await locateDataset(advised))).examples[0]!.answers).toEqual(['answer 0'])
  const other = join(folder, 'v2_OpenEnded_mscoco_val2014_questions.json')
  expect((await readDataset(await locateDataset(other))).examples[0]!.answers).toEqual(['answer 1'])
  const strange = join(folder, 'my_val2014_questions.json')
  await writeFile(strange, '{}')
  expect((await rejection(locateDataset(strange, { flag: '--pool-dataset' }))).message).toMatch(
    /several files of annotations.*give --pool-questions and --pool-annotations/,
  )
})
