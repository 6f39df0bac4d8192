import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { bm25, bm25Scores, wordsOf } from '../src/selectors/bm25.ts'
import { cosine } from '../src/selectors/candidates.ts'
import { selectAll } from '../src/selectors/check.ts'
import { copyNearest } from '../src/selectors/copy-nearest.ts'
import { kMeansDiversity } from '../src/selectors/k-means.ts'
import { majorityVote } from '../src/selectors/majority-vote.ts'
import { mmices } from '../src/selectors/mmices.ts'
import { mmr } from '../src/selectors/mmr.ts'
import { oracle } from '../src/selectors/oracle.ts'
import { pointer } from '../src/selectors/pointer.ts'
import { random } from '../src/selectors/random.ts'
import { reversed } from '../src/selectors/reversed.ts'
import { similarityImage } from '../src/selectors/similarity-image.ts'
import { staticSet } from '../src/selectors/static-set.ts'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { SelectionContext, Selector } from '../src/selectors/types.ts'
import { vote } from '../src/selectors/vote.ts'
import { worst } from '../src/selectors/worst.ts'
import type { Example } from '../src/types.ts'

const example = (id: number, answer = 'x', question = 'q'): Example => ({
  id,
  questionId: id,
  imageId: id,
  question,
  answer,
  answers: [answer],
})
const angle = (degrees: number): Float32Array =>
  Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180))

/** A pool of ids 1, 2, 3, ... whose rows stand at the given angles to the query. */
function circle(
  degrees: readonly number[],
  { kinds = ['both'], answers = [] }: { kinds?: EmbeddingKind[]; answers?: readonly string[] } = {},
): SelectionContext {
  const rows = { query: angle(0), candidate: (position: number) => angle(degrees[position]!) }
  return {
    query: example(0),
    pool: degrees.map((_, i) => example(i + 1, answers[i] ?? `a${i}`)),
    embeddings: Object.fromEntries(kinds.map((kind) => [kind, rows])),
    random: createRandom(3),
  }
}

test('similarity puts the most similar last, or first when asked', () => {
  const context = circle([80, 10, 40, 20], { kinds: ['image'] })
  expect(similarityImage().select(context, 3)).toEqual([3, 4, 2])
  expect(similarityImage().select(context, 1)).toEqual([2])
  expect(similarityImage({ order: 'best-first' }).select(context, 3)).toEqual([2, 4, 3])
  expect(similarityImage().select(circle([30, -30, 30], { kinds: ['image'] }), 2)).toEqual([2, 1])
})

test('cosine ignores length, and zero rows are similar to nothing', () => {
  expect(cosine(Float32Array.of(2, 0), Float32Array.of(3, 3))).toBeCloseTo(Math.SQRT1_2, 7)
  expect(cosine(Float32Array.of(0, 0), Float32Array.of(1, 0))).toBe(0)
  expect(() => cosine(Float32Array.of(1), Float32Array.of(1, 2))).toThrow('1 and 2 numbers')
})

test('MMICES ranks by text only what passes the image filter', () => {
  const image = [10, 20, 30, 80]
  const text = [50, 40, 30, 0]
  const context: SelectionContext = {
    ...circle(image),
    embeddings: {
      image: { query: angle(0), candidate: (p) => angle(image[p]!) },
      text: { query: angle(0), candidate: (p) => angle(text[p]!) },
    },
  }
  expect(mmices({ keep: 3 }).select(context, 2)).toEqual([2, 3])
  expect(mmices({ keep: 4 }).select(context, 2)).toEqual([3, 4])
  expect(mmices({ keep: 1 }).select(context, 2)).toEqual([1, 2])
  expect(() => mmices({ keep: 0 })).toThrow('keep')
})

test('MMR is similarity with lambda 1 and avoids a near copy with 0.5', () => {
  const context = circle([10, 12, -30])
  expect(mmr({ lambda: 1 }).select(context, 2)).toEqual([2, 1])
  // 0.5 cos 12 - 0.5 cos 2 = -0.011; 0.5 cos 30 - 0.5 cos 40 = 0.050
  expect(mmr().select(context, 2)).toEqual([3, 1])
  expect(() => mmr({ lambda: 2 })).toThrow('lambda')
})

test('k-means takes one of each group, ordered by similarity', () => {
  const context = circle([88, 90, 92, 178, 180, 182, -4, 0, 4])
  expect(kMeansDiversity().select(context, 3)).toEqual([5, 2, 8])
  expect(kMeansDiversity().select(circle([20, 20, 20, 20]), 3)).toHaveLength(3)
})

describe('BM25', () => {
  // k1 1.2, b 0.75, the formula of the doc comment computed with Python floats
  test('scores', () => {
    const documents = ['what colour is the cup', 'what shape is the red red cup', 'who is there'].map(wordsOf)
    const scores = bm25Scores(wordsOf('What colour is the red cup?'), documents, { k1: 1.2, b: 0.75 })
    ;[2.5243715333734555, 2.5387425216947364, 0.15965709987714657].forEach((value, i) =>
      expect(scores[i]).toBeCloseTo(value, 12),
    )
  })

  test('finds shared words in any case and script, and survives questions without words', () => {
    const context = {
      ...circle([0, 0, 0]),
      query: example(0, '', 'Où est le CHAT ?'),
      pool: [example(1, '', 'le chien'), example(2, '', 'un chat, où'), example(3, '', '???')],
    }
    expect(bm25().select(context, 3)).toEqual([3, 1, 2])
    expect(() => bm25({ b: 2 })).toThrow('b in 0..1')
  })
})

test('votes count equal normalised answers together', () => {
  expect(vote([])).toBe('')
  const votes = ['Two', 'red', '2', 'red.', 'The red'].map((answer) => ({ answer, weight: 1 }))
  expect(vote(votes)).toBe('red')
  expect(vote(['b', 'a'].map((answer) => ({ answer, weight: 1 })))).toBe('b')
})

test('majority vote and copy-nearest answer without a model', () => {
  const context = circle([5, 40, 50, 60], { answers: ['cat', 'dog', 'dog', 'dog'] })
  expect(majorityVote().answer!(context, 0)).toBe('dog')
  expect(copyNearest().answer!(context, 1)).toBe('cat')
  expect(copyNearest().answer!(context, 2)).toBe('cat')
  expect(copyNearest().answer!(context, 3)).toBe('dog')
  expect(copyNearest().select(context, 2)).toEqual([2, 1])
})

test('a static set is cut from the front, per length, and never holds the query', () => {
  const [a, b, c] = [example(7), example(8), example(9)]
  const selector = staticSet({ sets: [[a], [c, b, a]] })
  const context = { ...circle([0]), pool: selector.pool! }
  expect(selector.select(context, 1)).toEqual([7])
  expect(selector.select(context, 2)).toEqual([9, 8])
  expect(() => selector.select({ ...context, query: c }, 2)).toThrow('contains query 9')
})

test('random is uniform over the pool and never takes the query', () => {
  const context = { ...circle([0, 0, 0, 0]), query: example(2), random: createRandom(8) }
  const counts = new Map<number, number>()
  for (let i = 0; i < 6000; i++) {
    for (const id of random().select(context, 1) as readonly number[])
      counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  expect([...counts.keys()].sort()).toEqual([1, 3, 4])
  for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(150)
})

test('oracle and worst take the extremes of what was measured with k shots', () => {
  const measured = new Map([
    [
      0,
      [
        { ids: [1], accuracy: 0.3 },
        { ids: [2], accuracy: 0.9 },
        { ids: [3], accuracy: 0.9 },
        { ids: [1, 2], accuracy: 1 },
      ],
    ],
  ])
  const context = circle([1, 2, 3])
  expect(oracle({ measured }).select(context, 1)).toEqual([2])
  expect(worst({ measured }).select(context, 1)).toEqual([1])
  expect(oracle({ measured }).select(context, 2)).toEqual([1, 2])
  expect(() => oracle({ measured }).select(context, 3)).toThrow('no measured pointer of 3 for query 0')
})

test('reversed turns the order round', async () => {
  const context = circle([80, 10, 40], { kinds: ['image'] })
  expect(await reversed({ of: similarityImage() }).select(context, 3)).toEqual([2, 3, 1])
})

describe('a policy is checked', () => {
  const context = circle([1, 2, 3])
  const attempt = (ids: readonly number[], k: number): Promise<unknown> =>
    selectAll(pointer({ name: 'p', select: () => ids }), [context], k)
  test.each([
    [[1, 1], 2, 'an example appears twice'],
    [[1], 2, '1 demonstrations instead of 2'],
    [[1, 99], 2, '99 is not in the pool'],
  ])('%p', async (ids, k, message) => {
    await expect(attempt(ids, k)).rejects.toThrow(message)
  })

  test('one that stops may choose fewer, not more; so may what is made of it', async () => {
    const stops = (ids: readonly number[]): Selector => pointer({ select: () => ids, stops: true })
    expect(await selectAll(stops([]), [context], 2)).toEqual([[]])
    expect(await selectAll(reversed({ of: stops([1]) }), [context], 2)).toEqual([[1]])
    await expect(selectAll(stops([1, 2]), [context], 1)).rejects.toThrow('2 demonstrations instead of 1')
  })

  test('the query and the number of selections', async () => {
    const inPool = { ...context, query: example(2) }
    const self = pointer({ name: 'p', select: () => [2] })
    await expect(selectAll(self, [inPool], 1)).rejects.toThrow('its own demonstration')
    const short = pointer({ name: 'p', select: () => [1], selectMany: () => Promise.resolve([]) })
    await expect(selectAll(short, [context], 1)).rejects.toThrow('0 selections for 1 queries')
  })
})
