import { spawn, type ChildProcess } from 'node:child_process'
import { appendFile, cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from '@jest/globals'
import { openSelector } from '../src/index.ts'
import { bundleOf, embed, openSplit, scratch } from './support/world.ts'

test('what is added is chosen, what is removed is not, also after opening again', async () => {
  const { folder } = await bundleOf(60)
  const split = await openSplit('test', 2)
  const [one, other] = split.examples
  const asked = { question: one!.question, image: one!.image }
  const rices = { selector: 'rices-both', shots: 2 } as const
  const selector = await openSelector(folder, { writable: true })
  const before = await selector.select(asked, rices)
  const nearest = before.demonstrations.at(-1)!
  const twin = { question: one!.question, answer: 'a twin', image: other!.image }
  const embedding = (await embed({ ...split, examples: [{ ...one!, image: other!.image! }] })).data
  const added = await selector.add(twin)
  expect(added).toMatchObject({ question: one!.question, answer: 'a twin', answers: ['a twin'] })
  expect(added.id).toBe(1 + Math.max(...(await selector.list({ count: 60 })).map(({ id }) => id)))
  expect(selector.size).toBe(61)
  expect(await selector.remove(nearest.id)).toBe(true)
  expect(await selector.remove(nearest.id)).toBe(false)
  const check = async (open: typeof selector): Promise<void> => {
    const { demonstrations } = await open.select({ question: 'the same', embedding }, rices)
    expect(demonstrations.at(-1)!.id).toBe(added.id)
    expect(demonstrations.at(-1)!.similarity).toBeCloseTo(1, 6)
    for (const name of ['policy', 'rices-both', 'bm25', 'random', 'k-means', 'mmices'] as const) {
      const found = await open.select(asked, { selector: name, shots: 4 })
      expect(found.demonstrations.map(({ id }) => id)).not.toContain(nearest.id)
    }
    expect(await open.example(added.id)).toEqual(added)
    expect(await open.example(nearest.id)).toBeUndefined()
    expect(open.size).toBe(60)
  }
  await check(selector)
  const both = (await selector.select(asked, rices)).demonstrations
  await selector.close()
  const again = await openSelector(folder)
  await check(again)
  expect((await again.select(asked, rices)).demonstrations).toEqual(both)
  expect((await again.file(added.image!)).length).toBeGreaterThan(100)
  await expect(again.add(twin)).rejects.toThrow('was opened for reading only')
  await expect(again.remove(added.id)).rejects.toThrow('was opened for reading only')
  await again.close()
})

test('a library that grew and shrank chooses as one that was made so', async () => {
  const [whole, part] = [await bundleOf(80), await bundleOf(60)]
  const grown = await openSelector(part.folder, { writable: true })
  for (const { id, question, answer, answers, image, imageId } of whole.train.examples.slice(60)) {
    await grown.add({ id, question, answer, answers, image, imageId: imageId! })
  }
  const made = await openSelector(whole.folder)
  const { examples } = await openSplit('test', 20)
  for (const selector of ['policy', 'rices-both', 'bm25', 'random', 'mmr'] as const) {
    const queries = examples.map(({ id, question, image }) => ({ id, question, image }))
    const ids = async (open: typeof made): Promise<number[][]> =>
      (await open.selectMany(queries, { selector, shots: 3 })).map(({ demonstrations }) =>
        demonstrations.map(({ id }) => id),
      )
    expect([selector, await ids(grown)]).toEqual([selector, await ids(made)])
  }
  await grown.close()
  await made.close()
})

test.each([
  [{ question: 'q', answer: '' }, 'an answer that is not empty'],
  [{ question: ' ', answer: 'a' }, 'a question that is not empty'],
  [{ id: 1000, question: 'q', answer: 'a' }, 'there is an example 1000 already'],
  [{ id: -1, question: 'q', answer: 'a' }, 'the id -1 is not a whole number from 0'],
  [{ question: 'q', answer: 'a' }, 'there is no image'],
  [{ question: 'q', answer: 'a', image: Buffer.from('nothing') }, 'it is not an image'],
])('%j is not added', async (example, message) => {
  const selector = await openSelector((await shared).folder, { writable: true })
  await expect(selector.add(example)).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringContaining(message) as unknown,
  })
  expect(selector.size).toBe(20)
  await selector.close()
})
const shared = bundleOf(20)

test('one process writes at a time, and others read', async () => {
  const { folder } = await shared
  const writer = await openSelector(folder, { writable: true })
  await expect(openSelector(folder, { writable: true })).rejects.toThrow('is being written by process')
  const reader = await openSelector(folder)
  await reader.close()
  await writer.close()
})

test('the changes of another bundle are refused, and a torn last line is dropped', async () => {
  const { folder } = await bundleOf(20)
  const other = await bundleOf(25)
  const selector = await openSelector(folder, { writable: true })
  await selector.remove((await selector.list({ count: 1 }))[0]!.id)
  await selector.close()
  await cp(join(folder, 'changes.jsonl'), join(other.folder, 'changes.jsonl'))
  for (const writable of [true, false]) {
    await expect(openSelector(other.folder, { writable })).rejects.toThrow('belongs to another')
  }
  await appendFile(join(folder, 'changes.jsonl'), '{"key":"2","val')
  const again = await openSelector(folder)
  expect(again.size).toBe(19)
  await again.close()
})

/** A process that adds examples without end, and says each id as soon as it is acknowledged. */
const ADDER = `
const [, entry, folder, image] = process.argv
const { openSelector } = await import(entry)
const selector = await openSelector(folder, { writable: true })
for (let i = 0; ; i++) {
  const { id } = await selector.add({ question: 'what is number ' + i + '?', answer: String(i), image })
  process.stdout.write(id + '\\n')
}
`

test('kill -9 loses no acknowledged example', async () => {
  const { folder } = await bundleOf(20)
  const entry = pathToFileURL(join(import.meta.dirname, '../dist/index.js')).href
  const { image } = (await openSplit('test', 1)).examples[0]!
  const acknowledged: number[] = []
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', ADDER, entry, folder, image!])
    acknowledged.push(...(await killAfter(child, 12 + 7 * round)))
  }
  const selector = await openSelector(folder)
  expect(acknowledged.length).toBeGreaterThanOrEqual(57)
  expect(new Set(acknowledged).size).toBe(acknowledged.length)
  for (const id of acknowledged) expect(await selector.example(id)).toMatchObject({ id })
  expect(selector.size).toBeGreaterThanOrEqual(20 + acknowledged.length)
  expect(selector.size).toBeLessThanOrEqual(20 + acknowledged.length + 3)
  await selector.close()
  expect((await readFile(join(folder, 'library.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(20)
})

/** Kills the process by SIGKILL once it has written so many lines; all whole lines that it wrote. */
function killAfter(child: ChildProcess, lines: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    let [text, errors] = ['', '']
    child.stderr!.on('data', (part: Buffer) => (errors += part.toString()))
    child.stdout!.on('data', (part: Buffer) => {
      text += part.toString()
      if (text.split('\n').length > lines) child.kill('SIGKILL')
    })
    child.on('close', (_, signal) => {
      if (signal === 'SIGKILL') resolve(text.split('\n').slice(0, -1).map(Number))
      else reject(new Error(errors))
    })
  })
}

test('images of added examples are kept once, in a folder of their own', async () => {
  const folder = await scratch()
  const made = await bundleOf(20, { includeImages: false, thumbnails: false })
  await cp(made.folder, join(folder, 'moved'), { recursive: true })
  const selector = await openSelector(join(folder, 'moved'), { writable: true })
  const { image } = (await openSplit('test', 1)).examples[0]!
  const [a, b] = [
    await selector.add({ question: 'a', answer: 'a', image }),
    await selector.add({ question: 'b', answer: 'b', image }),
  ]
  expect(a.image).toBe(b.image)
  expect(a.imageId).toBe(b.imageId)
  expect(a.thumbnail).toBeNull()
  const { demonstrations } = await selector.select(
    { question: 'a', image },
    { shots: 10, selector: 'rices-text' },
  )
  expect(demonstrations.map(({ id }) => id)).not.toContain(a.id)
  await selector.close()
})
