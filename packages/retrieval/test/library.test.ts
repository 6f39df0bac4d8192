import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { writeSafetensors } from '@lever/tensor-files'
import { buildIndex, openLibrary, topSimilar, type Library } from '../src/index.ts'

const ROWS = 9000
const DIM = 32
const K = 16

/** Rows of length 1 around 60 centres, as embeddings of a dataset have them. */
function clustered(rows: number, seed: number): Float32Array {
  const random = createRandom(seed)
  const shared = createRandom('centres')
  const centres = Float32Array.from({ length: 60 * DIM }, () => shared.normal())
  const out = new Float32Array(rows * DIM)
  for (let row = 0; row < rows; row++) {
    const centre = random.int(60)
    let sum = 0
    for (let d = 0; d < DIM; d++) {
      const value = centres[centre * DIM + d]! + 0.7 * random.normal()
      out[row * DIM + d] = value
      sum += value * value
    }
    for (let d = 0; d < DIM; d++) out[row * DIM + d]! /= Math.sqrt(sum)
  }
  return out
}

const data = clustered(ROWS, 1)
const queries = clustered(40, 2)
const query = (i: number): Float32Array => queries.subarray(i * DIM, (i + 1) * DIM)
/** Ids are not rows. */
const idOf = (row: number): number => 3 * row + 7

/** The k nearest allowed ids, by comparing all rows. */
function expected(i: number, k: number, isAllowed: (id: number) => boolean = () => true): number[] {
  const [found] = topSimilar({
    queries: query(i),
    candidates: data,
    dim: DIM,
    k,
    excluded: (_, row) => !isAllowed(idOf(row)),
  })
  return Array.from(found!.rows, idOf)
}

const share = (found: readonly number[], wanted: readonly number[]): number =>
  found.filter((id) => wanted.includes(id)).length / wanted.length

let folder = ''
let path = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'retrieval-'))
  path = join(folder, 'train.safetensors')
  const ids = BigInt64Array.from({ length: ROWS }, (_, row) => BigInt(idOf(row)))
  await writeSafetensors(path, {
    tensors: new Map(
      Object.entries({
        embeddings: { dtype: 'F32' as const, shape: [ROWS, DIM], data },
        ids: { dtype: 'I64' as const, shape: [ROWS], data: ids },
      }),
    ),
  })
  await buildIndex({ embeddings: path })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each([
  ['with an index', true],
  ['without an index', false],
])('%s', (_, indexed) => {
  let library: Library
  beforeAll(async () => {
    library = await openLibrary({ embeddings: path, ...(indexed && { index: `${path}.hnsw` }) })
  })
  afterAll(() => library.close())
  const recall = indexed ? 0.99 : 1

  test('finds the nearest, with exact scores', () => {
    let sum = 0
    for (let i = 0; i < 40; i++) {
      const { ids, scores } = library.search(query(i), K)
      sum += share(ids, expected(i, K))
      expect(scores).toEqual([...scores].sort((a, b) => b - a))
      const row = (ids[0]! - 7) / 3
      let product = 0
      for (let d = 0; d < DIM; d++) product += query(i)[d]! * data[row * DIM + d]!
      expect(scores[0]).toBe(product)
    }
    expect(sum / 40).toBeGreaterThanOrEqual(recall)
  })

  test.each([
    ['the nearest 300 are left out', (i: number) => ({ excluded: new Set(expected(i, 300)) })],
    ['half of the library is left out', () => ({ excluded: new Set(evens()) })],
    ['half of the library is allowed', () => ({ only: new Set(evens()) })],
    ['20 far examples are allowed', (i: number) => ({ only: new Set(expected(i, ROWS).slice(-20)) })],
  ])('loses no recall when %s', (_name, filter) => {
    let sum = 0
    for (let i = 0; i < 10; i++) {
      const { excluded, only } = { excluded: undefined, only: undefined, ...filter(i) }
      const wanted = expected(i, K, (id) => excluded?.has(id) !== true && only?.has(id) !== false)
      sum += share(library.search(query(i), K, filter(i)).ids, wanted)
    }
    expect(sum / 10).toBeGreaterThanOrEqual(recall)
  })

  test('returns all that are allowed when they are fewer than k', () => {
    expect(library.search(query(0), K, { only: new Set([7, 10, 8]) }).ids.toSorted()).toEqual([10, 7])
  })

  test('refuses a query of another size', () => {
    expect(() => library.search(new Float32Array(3), K)).toThrow('the row has 3 numbers, not [D=32]')
    expect(() => library.search(query(0), 0)).toThrow('k is 0')
    // @ts-expect-error an option with a typing error
    expect(() => library.search(query(0), K, { exclude: new Set([7]) })).toThrow('did you mean excluded?')
  })
})

const evens = (): number[] => Array.from({ length: ROWS / 2 }, (_, i) => idOf(2 * i))

test('finds what is added and not what is removed', async () => {
  const library = await openLibrary({ embeddings: path, index: `${path}.hnsw` })
  try {
    const [first, second] = library.search(query(0), 2).ids as [number, number]
    expect(library.remove(first)).toBe(true)
    expect(library.remove(first)).toBe(false)
    expect(library.search(query(0), 1).ids).toEqual([second])
    library.add(1_000_000, query(0))
    library.add(second, query(1))
    expect(library.size).toBe(ROWS)
    expect(library.search(query(0), 1).ids).toEqual([1_000_000])
    expect(library.search(query(1), 1).ids).toEqual([second])
    expect(library.search(query(0), 200).ids.filter((id) => id === second)).toHaveLength(0)
    expect(library.remove(1_000_000)).toBe(true)
    expect(library.search(query(0), 1).ids).not.toContain(1_000_000)
  } finally {
    library.close()
  }
})

test('equal input gives an equal index, and nothing else is left beside it', async () => {
  const again = join(folder, 'again.hnsw')
  await buildIndex({ embeddings: path, path: again })
  expect((await readFile(again)).equals(await readFile(`${path}.hnsw`))).toBe(true)
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
})

test('an aborted build leaves the index that was there', async () => {
  const before = await readFile(`${path}.hnsw`)
  const stop = new AbortController()
  const build = buildIndex({ embeddings: path, signal: stop.signal, onProgress: () => stop.abort() })
  await expect(build).rejects.toThrow('aborted')
  expect((await readFile(`${path}.hnsw`)).equals(before)).toBe(true)
})

test('refuses an index of another file, a damaged one and a missing one', async () => {
  const index = join(folder, 'other.hnsw')
  const manifest = JSON.parse(await readFile(`${path}.hnsw.json`, 'utf8')) as Record<string, unknown>
  await writeFile(index, await readFile(`${path}.hnsw`))
  await writeFile(`${index}.json`, JSON.stringify({ ...manifest, embeddings: '0' }))
  await expect(openLibrary({ embeddings: path, index })).rejects.toThrow('was not made of')
  await writeFile(`${index}.json`, JSON.stringify(manifest))
  await appendFile(index, 'x')
  await expect(openLibrary({ embeddings: path, index })).rejects.toThrow('is damaged')
  await expect(openLibrary({ embeddings: path, index: `${index}x` })).rejects.toThrow('build the index again')
})

test('gives the row of an example, also of one that was added, and of none that was removed', async () => {
  const library = await openLibrary({ embeddings: path })
  expect(library.row(idOf(5))).toEqual(data.slice(5 * DIM, 6 * DIM))
  expect(library.row(1)).toBeUndefined()
  library.add(1, query(0))
  library.add(idOf(6), query(1))
  library.remove(idOf(5))
  expect(library.row(1)).toEqual(query(0).slice())
  expect(library.row(idOf(6))).toEqual(query(1).slice())
  expect(library.row(idOf(5))).toBeUndefined()
  library.close()
})
