import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { buildPools, checkPools, POOL_METHOD_NAMES, readPools, savePools } from '../src/index.ts'
import type { BuildPoolsOptions, PoolExpectation, Pools, PoolSource } from '../src/index.ts'
import { toyExamples, toyFeatures } from './toys.ts'

const examples = toyExamples(60)
const features = {
  text: toyFeatures(examples, 'text'),
  image: toyFeatures(examples, 'image'),
  learned: { ...toyFeatures(examples, 'learned', 8), policy: 'c'.repeat(64) },
}
const file = await buildPools({ queries: examples, candidates: examples, size: 16, seed: 3 })
const options = (method: (typeof POOL_METHOD_NAMES)[number]): BuildPoolsOptions => ({
  queries: examples,
  candidates: examples,
  method,
  size: 16,
  seed: 3,
  features,
  file,
})

describe.each(POOL_METHOD_NAMES)('pool method %s', (method) => {
  let pools: Pools
  beforeAll(async () => {
    pools = await buildPools(options(method))
  })

  test('gives every query N distinct candidates', () => {
    expect([...pools.byQuery.keys()]).toEqual(examples.map(({ id }) => id))
    for (const pool of pools.byQuery.values()) {
      expect(pool).toHaveLength(method === 'library' ? 58 : 16)
      expect(new Set(pool).size).toBe(pool.length)
      expect(pool.every((id) => id >= 0 && id < 60)).toBe(true)
    }
  })

  test('never holds the query or its image', () => {
    for (const [id, pool] of pools.byQuery) {
      const image = examples[id]!.imageId
      expect(pool.filter((other) => other === id || examples[other]!.imageId === image)).toEqual([])
    }
  })

  test('is the same for the same seed, and per query whatever the other queries are', async () => {
    expect(await buildPools(options(method))).toEqual(pools)
    const some = await buildPools({ ...options(method), queries: [examples[41]!, examples[5]!] })
    expect([...some.byQuery]).toEqual([
      [41, pools.byQuery.get(41)],
      [5, pools.byQuery.get(5)],
    ])
  })

  test('depends on the seed only where it draws', async () => {
    const other = await buildPools({ ...options(method), seed: 4 })
    const differs = JSON.stringify([...other.byQuery]) !== JSON.stringify([...pools.byQuery])
    expect(differs).toBe(method === 'random' || method === 'mixed')
  })
})

const KINDS = { image: ['image'], text: ['text'], both: ['image', 'text'] } as const

test.each([
  ['mixed', 4, ['image', 'text', 'both']],
  ['both-similar', 16, ['both']],
  ['text-similar', 16, ['text']],
] as const)('%s holds the %i most similar by %s', async (method, count, kinds) => {
  const pools = await buildPools(options(method))
  for (const kind of kinds) {
    for (const [id, pool] of pools.byQuery) {
      const product = (other: number): number =>
        KINDS[kind]
          .map((part) => features[part].queries.data)
          .reduce(
            (sum, rows) =>
              sum +
              rows.subarray(id * 16, id * 16 + 16).reduce((own, x, d) => own + x * rows[other * 16 + d]!, 0),
            0,
          )
      const best = examples
        .filter((other) => other.imageId !== examples[id]!.imageId)
        .sort((a, b) => product(b.id) - product(a.id))
        .slice(0, count)
      expect(best.every((other) => pool.includes(other.id))).toBe(true)
    }
  }
})

test('a random pool is uniform', async () => {
  const counts = new Array<number>(60).fill(0)
  for (let seed = 0; seed < 400; seed++) {
    const pools = await buildPools({ queries: [examples[0]!], candidates: examples, size: 16, seed })
    for (const id of pools.byQuery.get(0)!) counts[id]! += 1
  }
  expect(counts.slice(0, 2)).toEqual([0, 0])
  const expected = (400 * 16) / 58
  const chi = counts.slice(2).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  expect(chi).toBeLessThan(95)
})

test('both-similar takes embeddings of both as they are given', async () => {
  const given = await buildPools({ ...options('both-similar'), features: { both: features.text } })
  const byText = await buildPools(options('text-similar'))
  expect([...given.byQuery]).toEqual([...byText.byQuery])
})

test('queries whose images are not in the library share one list of its ids', async () => {
  const strangers = toyExamples(80).slice(70)
  const pools = await buildPools({ queries: strangers, candidates: examples, method: 'library' })
  expect(new Set(pools.byQuery.values()).size).toBe(1)
  expect(pools.size).toBe(60)
})

test('similar pools find embeddings by id, in any order of rows', async () => {
  const pools = await buildPools(options('text-similar'))
  const shuffled = toyFeatures(examples.toReversed(), 'text')
  expect(await buildPools({ ...options('text-similar'), features: { text: shuffled } })).toEqual(pools)
})

test('too few candidates, missing inputs and bad ids are refused with the remedy', async () => {
  await expect(buildPools({ ...options('random'), size: 59 })).rejects.toThrow(
    /only 58 candidates.*query 0.*--pool-size/,
  )
  await expect(buildPools({ ...options('mixed'), features: { text: features.text } })).rejects.toThrow(
    /needs image embeddings/,
  )
  await expect(buildPools({ queries: examples, candidates: examples, method: 'file' })).rejects.toThrow(
    /needs a pool file/,
  )
  await expect(buildPools({ ...options('random'), size: 0 })).rejects.toThrow(/pool of 0/)
  await expect(buildPools({ ...options('random'), candidates: [...examples, examples[3]!] })).rejects.toThrow(
    /id 3 .*twice/,
  )
  const short = { queries: toyFeatures(examples.slice(1)).queries, candidates: features.text.candidates }
  await expect(buildPools({ ...options('text-similar'), features: { text: short } })).rejects.toThrow(
    /no row for example 0/,
  )
  const nan = toyFeatures(examples)
  nan.queries.data[33] = NaN
  await expect(buildPools({ ...options('text-similar'), features: { text: nan } })).rejects.toThrow(
    /row 2 .*not finite/,
  )
  await expect(buildPools({ ...options('random'), size: 59 })).rejects.toMatchObject({ code: 'LEVER_INPUT' })
})

test('a pool file with the query, its image or a stranger in it is refused', async () => {
  const withPool = (pool: number[]): BuildPoolsOptions => ({
    ...options('file'),
    queries: [examples[4]!],
    size: 2,
    file: { ...file, byQuery: new Map([[4, pool]]) },
  })
  await expect(buildPools(withPool([1, 4]))).rejects.toThrow(/pool of query 4 holds 4/)
  await expect(buildPools(withPool([1, 5]))).rejects.toThrow(/holds 5.*image/)
  await expect(buildPools(withPool([1, 99]))).rejects.toThrow(/holds 99.*not a candidate/)
  await expect(buildPools(withPool([1, 1]))).rejects.toThrow(/1 distinct examples of 2/)
  await expect(buildPools({ ...withPool([1, 2]), queries: [examples[6]!] })).rejects.toThrow(
    /no pool for query 6/,
  )
  expect((await buildPools(withPool([9, 2]))).byQuery.get(4)).toEqual([9, 2])
})

test('learned pools hold what the vectors of a policy rank first, and say which policy', async () => {
  const pools = await buildPools(options('learned'))
  const { learned } = features
  const byText = await buildPools({ ...options('text-similar'), features: { text: learned } })
  expect([...pools.byQuery]).toEqual([...byText.byQuery])
  expect(pools.policy).toBe(learned.policy)
  expect((await buildPools(options('mixed'))).policy).toBeUndefined()
  const path = join(await mkdtemp(join(tmpdir(), 'pools-')), 'pools.json')
  await savePools(path, pools)
  const read = await readPools(path)
  expect(read.policy).toBe(learned.policy)
  expect((await buildPools({ ...options('file'), file: read })).policy).toBe(learned.policy)
  await expect(buildPools({ ...options('learned'), features: {} })).rejects.toThrow(
    'needs the vectors of a policy of architecture bi-encoder',
  )
})

test('saved pools are read back, and the original sampler cache is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pools-'))
  const path = join(folder, 'pools.json')
  const pools = await buildPools(options('mixed'))
  await savePools(path, pools)
  expect(await readPools(path)).toEqual(pools)
  const bytes = await readFile(path, 'utf8')
  await savePools(path, { ...pools, byQuery: new Map([...pools.byQuery].reverse()) })
  expect(await readFile(path, 'utf8')).toBe(bytes)
  await writeFile(path, '{"7": [1, 2, 3], "12": [4, 5, 6]}')
  const read = await readPools(path)
  expect([...read.byQuery]).toEqual([
    [7, [1, 2, 3]],
    [12, [4, 5, 6]],
  ])
  expect([read.size, read.method]).toEqual([3, 'file'])
})

test.each([
  ['[1]', /not an object/],
  ['{"a": [1]}', /key "a"/],
  ['{"1": [1.5]}', /pool of query 1/],
  ['{"__proto__": [1]}', /key "__proto__"/],
  ['{}', /no pool/],
  ['{', /not a pool file/],
  ['{"_meta": {"pools": 2}, "1": [2]}', /version 2, and 1 can be read/],
])('a pool file of %s is refused', async (text, message) => {
  const path = join(await mkdtemp(join(tmpdir(), 'pools-')), 'pools.json')
  await writeFile(path, text)
  await expect(readPools(path)).rejects.toThrow(message)
})

test('a missing pool file is refused', async () => {
  await expect(readPools('/nowhere/pools.json')).rejects.toThrow(
    /cannot read \/nowhere\/pools.json \(ENOENT\)/,
  )
})

describe('pools of other data', () => {
  const dataset = (name: string): PoolSource['queries'] => ({
    name,
    split: 'train',
    hash: `${name}0123456789abcdef`,
  })
  const embeddings = (hash: string): NonNullable<PoolSource['embeddings']>['queries'] => ({
    model: 'clip',
    kind: 'text',
    hash,
  })
  const source: PoolSource = {
    queries: dataset('a'),
    candidates: dataset('b'),
    embeddings: { queries: embeddings('e1'), candidates: embeddings('e2') },
  }
  const made = (): Pools => ({ ...file, method: 'text-similar', source })
  const say = (wanted: PoolExpectation, pools = made()): string => {
    try {
      checkPools(pools, wanted, 'pools.json')
      return ''
    } catch (error) {
      expect((error as { code: string }).code).toBe('LEVER_INPUT')
      return (error as Error).message
    }
  }

  test('what they are of goes through the file', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'pools-')), 'pools.json')
    await savePools(path, made())
    expect(await readPools(path)).toEqual(made())
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      _meta: {
        pools: 1,
        method: 'text-similar',
        size: 16,
        seed: 3,
        excluded: ['query', 'image of the query'],
        source,
      },
    })
  })

  test('the same data is accepted, also with embeddings that the method did not use', () => {
    expect(say({ ...source, method: 'text-similar', size: 16 })).toBe('')
    const { queries, candidates } = source
    expect(say({ queries, candidates })).toBe('')
    expect(say(source, { ...file, source: { queries, candidates } })).toBe('')
  })

  test('pools of another policy are refused', () => {
    const learned = { ...made(), method: 'learned', policy: 'a'.repeat(64) }
    expect(say({ ...source, policy: 'a'.repeat(64) }, learned)).toBe('')
    expect(say({ ...source, policy: 'b'.repeat(64) }, learned)).toMatch(
      /searched by the policy aaaaaaaaaaaa, not by bbbbbbbbbbbb/,
    )
    expect(say({ ...source, policy: 'b'.repeat(64) })).toMatch(/searched by no policy, not by bbbb/)
  })

  test('what differs is listed', () => {
    expect(say({ ...source, queries: dataset('c') })).toMatch(
      /pools\.json are of other data: the queries were a train \(a01234567890?a?.*\), not c train/,
    )
    expect(say({ ...source, candidates: dataset('a'), size: 8, method: 'random' })).toMatch(
      /made by method text-similar, not random; they have 16 examples, not 8; the candidates were b train/,
    )
    const other = { queries: embeddings('e1'), candidates: { ...embeddings('e3'), model: 'siglip' } }
    expect(say({ ...source, embeddings: other })).toMatch(
      /the embeddings of the candidates were text by clip \(e2\), not text by siglip \(e3\)/,
    )
  })

  test("the original's files say nothing but their size", () => {
    const original: Pools = { ...file, method: 'text-similar' }
    expect(say({ ...source, queries: dataset('c'), method: 'random' }, original)).toBe('')
    expect(say({ ...source, size: 3 }, original)).toMatch(/they have 16 examples, not 3/)
  })
})
