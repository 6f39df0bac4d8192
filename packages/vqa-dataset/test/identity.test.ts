import { copyFile, mkdir, mkdtemp, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { identifyImages, readDataset, type Dataset, type Example } from '../src/index.ts'

/** Files of given bytes in a new folder. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'identity-'))
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes)
  return folder
}

const example = (id: number, imageId: number | string | null, image?: string): Example => ({
  id,
  questionId: id,
  imageId,
  question: 'What?',
  answers: [],
  answer: '',
  ...(image !== undefined && { image }),
})

const dataset = (hash: string, ...examples: Example[]): Pick<Dataset, 'examples' | 'hash'> => ({
  examples,
  hash,
})

const idsOf = (one: { readonly examples: readonly Example[] } | undefined): unknown[] =>
  one!.examples.map(({ imageId }) => imageId)

/** A picture of one brightness: what the first letter of the file says. */
const brightness = async (path: string): Promise<Uint8Array> => {
  const { readFile } = await import('node:fs/promises')
  return new Uint8Array(9 * 8 * 3).fill((await readFile(path))[0]!)
}

describe('in one dataset', () => {
  test('files of equal bytes have the id of the first', async () => {
    const at = await folderOf({ a: 'cat', b: 'dog', c: 'cat', d: 'horse' })
    const given = dataset('h', ...['d', 'a', 'b', 'c'].map((name, i) => example(i, name, join(at, name))))
    const { datasets, same, clashes } = await identifyImages([given])
    expect(idsOf(datasets[0])).toEqual(['d', 'a', 'b', 'a'])
    expect(same).toEqual([{ imageId: 'a', paths: [join(at, 'a'), join(at, 'c')] }])
    expect(clashes).toBe(0)
  })

  test('equal size and middle are not enough', async () => {
    const body = 'x'.repeat(6000)
    const at = await folderOf({ a: `a${body}`, b: `b${body}`, c: `a${body}`, d: `${body}d` })
    const given = dataset('h', ...['a', 'b', 'c', 'd'].map((name, i) => example(i, name, join(at, name))))
    expect(idsOf((await identifyImages([given])).datasets[0])).toEqual(['a', 'b', 'a', 'd'])
  })

  test('without twins it is the very dataset', async () => {
    const at = await folderOf({ a: 'cat', b: 'dog' })
    const given = dataset('h', example(1, 1, join(at, 'a')), example(2, 2, join(at, 'b')), example(3, null))
    const { datasets, same } = await identifyImages([given])
    expect(datasets[0]).toBe(given)
    expect(same).toEqual([])
  })

  test('files that are not there, and images without one, stay as their ids say', async () => {
    const given = dataset('h', example(1, 7, '/nowhere/a'), example(2, 7), example(3, 8, '/nowhere/b'))
    expect((await identifyImages([given])).datasets[0]).toBe(given)
  })

  test('a mirrored picture is the same one, a rotated one is not', async () => {
    const at = await folderOf({ a: 'left', b: 'right', c: 'turned', d: 'other' })
    const look = async (path: string): Promise<Uint8Array> => {
      const { readFile } = await import('node:fs/promises')
      const which = await readFile(path, 'utf8')
      const shade = (x: number, y: number): number =>
        ({ left: 20 * x, right: 20 * (8 - x), turned: 20 * y, other: 160 - 20 * y })[which]!
      return Uint8Array.from({ length: 9 * 8 * 3 }, (_, i) => {
        const pixel = Math.floor(i / 3)
        return shade(pixel % 9, Math.floor(pixel / 9))
      })
    }
    const given = dataset('h', ...['a', 'b', 'c', 'd'].map((name, i) => example(i, name, join(at, name))))
    const { datasets, near } = await identifyImages([given], { look, near: true })
    expect(idsOf(datasets[0])).toEqual(['a', 'a', 'c', 'd'])
    expect(near).toEqual([{ imageId: 'a', paths: [join(at, 'a'), join(at, 'b')] }])
  })

  test('a dataset that is read with a look groups by how pictures look too, and says so', async () => {
    const at = await folderOf({ 'a.png': 'cat', 'b.png': 'coat', 'c.png': 'zebra' })
    const lines = ['a', 'b', 'c'].map((name) => JSON.stringify({ image: `${name}.png`, question: 'What?' }))
    await writeFile(join(at, 'questions.jsonl'), lines.join('\n'))
    const questions = join(at, 'questions.jsonl')
    const blind = await readDataset({ questions })
    expect(new Set(idsOf(blind)).size).toBe(3)
    const steep = async (path: string): Promise<Uint8Array> => {
      const [first] = await brightness(path)
      return Uint8Array.from({ length: 9 * 8 * 3 }, (_, i) => first! + (Math.floor(i / 3) % 9))
    }
    const read = await readDataset({ questions, look: steep, imageCache: at })
    expect(idsOf(read)[1]).toBe(idsOf(read)[0])
    expect(idsOf(read)[2]).not.toBe(idsOf(read)[0])
    expect(read.notices).toEqual([
      `1 image file looks like another one (${join(at, 'a.png')} and ${join(at, 'b.png')}); such files count as one image`,
    ])
  })

  test('a dataset that is read says so, and groups by the picture', async () => {
    const at = await folderOf({ 'a.png': 'cat', 'b.png': 'dog', 'copy.png': 'cat' })
    const lines = ['a', 'b', 'copy'].map((name) =>
      JSON.stringify({ image: `${name}.png`, question: 'What?' }),
    )
    await writeFile(join(at, 'questions.jsonl'), lines.join('\n'))
    const read = await readDataset({ questions: join(at, 'questions.jsonl') })
    expect(idsOf(read)[2]).toBe(idsOf(read)[0])
    expect(idsOf(read)[1]).not.toBe(idsOf(read)[0])
    expect(read.sameImages).toHaveLength(1)
    expect(read.notices).toEqual([
      `2 image files show 1 picture (${join(at, 'a.png')} and ${join(at, 'copy.png')} have the same bytes); it counts as one image`,
    ])
  })
})

describe('across datasets', () => {
  test('one picture under two numbers has the number of the first dataset', async () => {
    const at = await folderOf({ a: 'cat', b: 'dog', c: 'cat' })
    const first = dataset('h1', example(1, 1, join(at, 'a')))
    const second = dataset('h2', example(1, 90, join(at, 'b')), example(2, 91, join(at, 'c')))
    const { datasets } = await identifyImages([first, second])
    expect(datasets[0]).toBe(first)
    expect(idsOf(datasets[1])).toEqual([90, 1])
  })

  const twoOf = async (
    a: string,
    b: string,
  ): Promise<[Pick<Dataset, 'examples' | 'hash'>, Pick<Dataset, 'examples' | 'hash'>]> => {
    const at = await folderOf({ a, b })
    return [
      dataset('h1', example(1, 1, join(at, 'a'))),
      dataset('0123456789abcdef', example(1, 1, join(at, 'b'))),
    ]
  }

  test('one number for different pictures is two images, when they can be looked at', async () => {
    const two = await twoOf('\x00cat', '\x7fdog')
    const { datasets, clashes } = await identifyImages(two, { look: brightness })
    expect(datasets.map(idsOf)).toEqual([[1], ['1@0123456789ab']])
    expect(clashes).toBe(1)
  })

  test('one number for one picture in two encodings is one image', async () => {
    const two = await twoOf('\x40cat', '\x42the same cat')
    const { datasets, clashes } = await identifyImages(two, { look: brightness })
    expect(datasets.map(idsOf)).toEqual([[1], [1]])
    expect(clashes).toBe(0)
  })

  test('one number is one image where nothing can be looked at', async () => {
    const two = await twoOf('\x00cat', '\x7fdog')
    expect((await identifyImages(two)).datasets.map(idsOf)).toEqual([[1], [1]])
    const unreadable = await identifyImages(two, { look: () => Promise.resolve(undefined) })
    expect(unreadable.datasets.map(idsOf)).toEqual([[1], [1]])
  })
})

test('hashes are kept for the next time, until a file changes', async () => {
  const count = 1200
  const at = await folderOf({})
  const cache = join(at, 'cache')
  await mkdir(join(at, 'images'))
  const paths = Array.from({ length: count }, (_, i) => join(at, 'images', String(i)))
  await Promise.all(paths.map((path, i) => writeFile(path, String(1000 + i))))
  const given = dataset('h', ...paths.map((path, i) => example(i, i, path)))
  const merged = async (): Promise<number> => (await identifyImages([given], { cache })).same.length
  expect(await merged()).toBe(0)
  // The same size and time with other bytes: only a kept hash can say that nothing changed.
  const time = new Date('2020-01-01')
  await Promise.all(paths.slice(0, 2).map((path) => utimes(path, time, time)))
  expect(await merged()).toBe(0)
  await copyFile(paths[0]!, paths[1]!)
  expect(await merged()).toBe(1)
})

describe('files that look alike', () => {
  /** Stripes whose brightness grows by a step from left to right. */
  const stripes =
    (looks: Readonly<Record<string, readonly [number, number]>>) =>
    (path: string): Promise<Uint8Array | undefined> => {
      const look = looks[path.split('/').at(-1)!]
      if (look === undefined) return Promise.resolve(undefined)
      const [from, step] = look
      const pixels = Array.from({ length: 72 }, (_, i) => from + step * (i % 9))
      return Promise.resolve(Uint8Array.from(pixels.flatMap((level) => [level, level, level])))
    }

  test('count as one image; unlike ones and unreadable ones do not', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const at = await folderOf(Object.fromEntries(names.map((name, i) => [name, 'x'.repeat(i + 1)])))
    const given = dataset('h', ...names.map((name, i) => example(i, name, join(at, name))))
    // b is a lighter copy of a, c falls where a grows, d is a in another light, e cannot be read
    const look = stripes({ a: [50, 10], b: [55, 10], c: [230, -10], d: [100, 10] })
    const { datasets, near, same } = await identifyImages([given], { look, near: true })
    expect(idsOf(datasets[0])).toEqual(['a', 'a', 'c', 'd', 'e'])
    expect(near).toEqual([{ imageId: 'a', paths: [join(at, 'a'), join(at, 'b')] }])
    expect(same).toEqual([])
    expect((await identifyImages([given], { look })).datasets[0]).toBe(given)
  })
})
