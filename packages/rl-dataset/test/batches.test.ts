import { createRandom } from '@lever/reward-utils'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  assertDisjointImages,
  batchesOf,
  mixGroups,
  padGroups,
  splitByImage,
  type Group,
} from '../src/index.ts'

const group = (queryId: number, G: number, K: number, N: number, logProbs = true): Group => ({
  queryId,
  imageId: queryId % 5,
  queryRow: queryId,
  poolIds: Array.from({ length: N }, (_, i) => 100 + i),
  poolRows: Int32Array.from({ length: N }, (_, i) => i + 1),
  pointers: Int32Array.from({ length: G * K }, (_, i) => i % N),
  size: G,
  shots: K,
  rewards: new Float64Array(G).fill(queryId),
  rawRewards: new Float64Array(G).fill(2 * queryId),
  logProbs: logProbs ? new Float64Array(G).fill(-1) : null,
  methods: new Array<string>(G).fill('beam'),
})

describe('padGroups', () => {
  test('pads pools and pointers, and masks what it added', () => {
    const batch = padGroups([group(1, 2, 2, 3), group(2, 1, 2, 4)])
    expect(batch).toMatchObject({ size: 2, pointersPerGroup: 2, shots: 2, poolSize: 4 })
    expect(Array.from(batch.queryRows)).toEqual([1, 2])
    expect(Array.from(batch.poolRows)).toEqual([1, 2, 3, 0, 1, 2, 3, 4])
    expect(Array.from(batch.poolMask)).toEqual([1, 1, 1, 0, 1, 1, 1, 1])
    expect(Array.from(batch.pointers)).toEqual([0, 1, 2, 0, 0, 1, 0, 0])
    expect(Array.from(batch.pointerMask)).toEqual([1, 1, 1, 0])
    expect(Array.from(batch.rewards)).toEqual([1, 1, 2, 0])
    expect(Array.from(batch.rawRewards)).toEqual([2, 2, 4, 0])
    expect(Array.from(batch.logProbs!)).toEqual([-1, -1, -1, 0])
  })

  test('pads to given sizes; log-probabilities only when all groups have them', () => {
    const batch = padGroups([group(1, 2, 1, 3, false), group(2, 2, 1, 3)], {
      poolSize: 64,
      pointersPerGroup: 5,
    })
    expect([batch.poolSize, batch.pointersPerGroup, batch.pointers.length, batch.logProbs]).toEqual([
      64,
      5,
      10,
      null,
    ])
  })

  test('refuses no group and different numbers of demonstrations', () => {
    expect(() => padGroups([])).toThrow('at least one group')
    expect(() => padGroups([group(1, 2, 2, 4), group(2, 2, 3, 4)])).toThrow('query 1 has 2, query 2 has 3')
  })
})

describe('batchesOf', () => {
  test('every group once, one K per batch', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 6 }),
        fc.option(fc.integer()),
        (ks, batchSize, seed) => {
          const groups = ks.map((K, i) => group(i, 2, K, 5))
          const batches = batchesOf(groups, {
            batchSize,
            ...(seed === null ? {} : { random: createRandom(seed) }),
          })
          expect(
            batches.flatMap((batch) => batch.groups.map(({ queryId }) => queryId)).sort((a, b) => a - b),
          ).toEqual(ks.map((_, i) => i))
          for (const batch of batches) {
            expect(batch.size).toBeLessThanOrEqual(batchSize)
            expect(new Set(batch.groups.map(({ shots }) => shots)).size).toBe(1)
          }
        },
      ),
    )
  })

  test('order by the seed; a batch size must be positive', () => {
    const groups = Array.from({ length: 12 }, (_, i) => group(i, 2, 2, 4))
    const order = (seed: number): number[] =>
      batchesOf(groups, { random: createRandom(seed) }).map(({ groups: [first] }) => first!.queryId)
    expect(order(1)).toEqual(order(1))
    expect(order(1)).not.toEqual(order(2))
    expect(() => batchesOf(groups, { batchSize: 0 })).toThrow('positive integer')
  })
})

describe('mixGroups', () => {
  const sources = [
    { groups: [1, 2, 3].map((id) => group(id, 2, 2, 4)) },
    { groups: [4, 5, 6, 7, 8, 9].map((id) => group(id, 2, 3, 4)) },
  ]

  test('without weights every group once', () => {
    const ids = mixGroups(sources, createRandom(1)).map(({ queryId }) => queryId)
    expect(ids.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('by weight, and none twice before all came once', () => {
    const weighted = sources.map((source, i) => ({ ...source, weight: i === 0 ? 3 : 1 }))
    const drawn = mixGroups(weighted, createRandom(1), { count: 4000 })
    const first = drawn.filter(({ shots }) => shots === 2)
    expect(first.length / 4000).toBeCloseTo(0.75, 1)
    for (const id of [1, 2, 3]) {
      const share = first.filter(({ queryId }) => queryId === id).length / first.length
      expect(share).toBeCloseTo(1 / 3, 2)
    }
    expect(
      mixGroups([{ ...sources[0]!, weight: 0 }, sources[1]!], createRandom(1), { count: 50 }).every(
        ({ shots }) => shots === 3,
      ),
    ).toBe(true)
  })

  test('refuses nothing to draw from', () => {
    expect(() => mixGroups([], createRandom(1))).toThrow('got 0 groups')
    expect(() => mixGroups([{ ...sources[0]!, weight: -1 }], createRandom(1))).toThrow('weights [-1]')
  })
})

describe('splitByImage', () => {
  const items = Array.from({ length: 200 }, (_, queryId) => ({ queryId, imageId: Math.floor(queryId / 3) }))
  const ids = (part: { queryId: number }[]): number[] => part.map(({ queryId }) => queryId)

  test('no image in two parts, every query in one, shares as asked', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }),
        fc.integer(),
        (images, seed) => {
          const queries = images.map((imageId, queryId) => ({ queryId, imageId }))
          const split = splitByImage(queries, { seed, validation: 0.3, test: 0.2 })
          expect(() => assertDisjointImages(split)).not.toThrow()
          expect(
            [...ids(split.train), ...ids(split.validation), ...ids(split.test)].sort((a, b) => a - b),
          ).toEqual(ids(queries))
        },
      ),
    )
    const { train, validation, test: held } = splitByImage(items, { validation: 0.2, test: 0.1 })
    expect([train.length, validation.length, held.length]).toEqual([138, 42, 20])
  })

  test('by the seed, whatever the order of the queries', () => {
    const split = splitByImage(items, { seed: 5 })
    expect(splitByImage([...items].reverse(), { seed: 5 })).toEqual(split)
    expect(ids(splitByImage(items, { seed: 6 }).validation)).not.toEqual(ids(split.validation))
  })

  test('queries without an image are split one by one and counted', () => {
    const bare = items.map(({ queryId }) => ({ queryId, imageId: null }))
    const split = splitByImage(bare, { validation: 0.5 })
    expect([split.train.length, split.validation.length, split.withoutImage]).toEqual([100, 100, 200])
  })

  test('the ids of _meta stand, and are checked', () => {
    const meta = { train_ids: ['0', 1, 2], val_ids: [3, 4, 5] }
    const split = splitByImage(items, { meta })
    expect([split.by, ids(split.train), ids(split.validation), split.unassigned.length]).toEqual([
      'meta',
      [0, 1, 2],
      [3, 4, 5],
      194,
    ])
    expect(splitByImage(items, { meta, resplit: true }).by).toBe('image')
    expect(() => splitByImage(items, { meta: { train_ids: [0], val_ids: [1] }, file: 'rl.json' })).toThrow(
      'rl-dataset: rl.json: image 0 is in train and validation (1 images are in two parts)',
    )
    expect(() => splitByImage(items, { meta: { train_ids: [0], val_ids: [0] } })).toThrow(
      'query 0 is in train and validation by _meta',
    )
  })

  test('refuses shares that leave nothing for training', () => {
    expect(() => splitByImage(items, { validation: 0.6, test: 0.4 })).toThrow('leave something for training')
    expect(() => splitByImage(items, { validation: -0.1 })).toThrow(RangeError)
  })
})
