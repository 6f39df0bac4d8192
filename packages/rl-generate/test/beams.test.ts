import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { hashOf } from '@lever/durable-files'
import { buildPools, encodeBeams, type ScoreGroundTruth } from '../src/index.ts'
import { freshPath, linesOf, sortedText } from './scripted.ts'
import { toyExamples } from './toys.ts'
import { candidates, queries, pools, probabilityOf, scoreGroundTruth, optionsOf, grow } from './beams-toys.ts'

/** Greedy search in the plainest form. */
function plainly(
  anchor: number,
  before: boolean,
  shots: number,
  width: number,
): { ids: number[]; score: number }[] {
  const query = candidates[anchor]!
  const p = (ids: readonly number[]): number =>
    probabilityOf({ demonstrations: ids.map((id) => candidates[id]!), query })
  let kept: number[][] = [[]]
  for (let k = 0; k < shots; k++) {
    const next = kept.flatMap((ids) =>
      pools
        .get(anchor)!
        .filter((id) => !ids.includes(id))
        .map((id) => (before ? [id, ...ids] : [...ids, id])),
    )
    kept = next.sort((a, b) => p(b) - p(a)).slice(0, width)
  }
  return kept.map((ids) => ({ ids, score: p(ids) - p([]) }))
}

describe('the search', () => {
  test.each(['after', 'before'] as const)(
    'is greedy by the gain of the ground truth, new ones %s',
    async (order) => {
      const { beams, statistics } = await grow(
        optionsOf(freshPath(), { order, meta: { ...optionsOf('').meta, shot_num: 3 } }),
      )
      expect(beams.map(({ query }) => query.id)).toEqual(queries.map(({ id }) => id))
      for (const { query, poolIds, beams: found } of beams) {
        expect(poolIds).toEqual(pools.get(query.id))
        const expected = plainly(query.id, order === 'before', 3, 3)
        expect(found.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids))
        for (const [i, { ids, score, steps }] of found.entries()) {
          expect(score).toBeCloseTo(expected[i]!.score, 12)
          expect(steps.reduce((sum, step) => sum + step.score, 0)).toBeCloseTo(score, 12)
          const chosen = steps.map(({ id }) => id)
          expect(order === 'after' ? chosen : chosen.toReversed()).toEqual(ids)
        }
        const scores = found.map(({ score }) => score)
        expect(scores).toEqual([...scores].sort((a, b) => b - a))
      }
      expect(statistics).toMatchObject({ anchors: 6, prompts: 6 * (1 + 12 + 3 * 11 + 3 * 10), failed: 0 })
    },
  )

  test('asks 1 + 64 + 5 x 63 prompts for an anchor as the original does', async () => {
    const many = toyExamples(100)
    const anchor = many.slice(0, 1)
    const { byQuery } = await buildPools({ queries: anchor, candidates: many, size: 64, seed: 1 })
    const sizes: number[] = []
    const options = optionsOf(freshPath(), { queries: anchor, candidates: many, pools: byQuery, width: 5 })
    const { statistics } = await grow({
      ...options,
      scoreGroundTruth: (prompts, control) => {
        sizes.push(prompts.length)
        return scoreGroundTruth(prompts, control)
      },
    })
    expect(statistics.prompts).toBe(1 + 379)
    expect(sizes).toEqual([1, 64, 315])
  })

  test('of equal scores takes the earlier in the pool', async () => {
    const flat: ScoreGroundTruth = (prompts) =>
      Promise.resolve(prompts.map(() => ({ logProb: -1, tokens: 1 })))
    const { beams } = await grow(optionsOf(freshPath(), { scoreGroundTruth: flat }))
    const [a, b, c, d] = beams[0]!.poolIds
    expect(beams[0]!.beams.map(({ ids }) => ids)).toEqual([
      [a, b],
      [a, c],
      [a, d],
    ])
  })

  test('shows no example of the image of the anchor', async () => {
    const twin = { ...candidates[20]!, imageId: queries[0]!.imageId }
    const others = candidates.map((example) => (example.id === 20 ? twin : example))
    const own = new Map([...pools, [queries[0]!.id, [20, queries[0]!.id, 30, 31, 32]]])
    const asked = new Set<number>()
    const { beams, statistics } = await grow(
      optionsOf(freshPath(), {
        candidates: others,
        pools: own,
        scoreGroundTruth: (prompts, control) => {
          for (const { demonstrations, query } of prompts)
            if (query.id === queries[0]!.id) for (const { id } of demonstrations) asked.add(id)
          return scoreGroundTruth(prompts, control)
        },
      }),
    )
    expect([...asked].sort()).toEqual([30, 31, 32])
    expect(beams[0]!.poolIds).toEqual([30, 31, 32])
    expect(statistics.sameImage).toBe(2)
  })
})

describe('the journal', () => {
  test('has a line per query and per prompt under the key of a measurement', async () => {
    const path = freshPath()
    const { statistics } = await grow(optionsOf(path))
    const lines = linesOf(path)
    expect(lines).toHaveLength(6 + statistics.scores)
    const line = lines.find(({ key, value }) => !key.startsWith('query:') && value.pointer.length === 2)!
    const { pointer, query_id: query } = line.value
    const images = [...pointer, query].map((id) => candidates[id]!.imageId)
    expect(line.key).toBe(hashOf({ protocol: 'p1', query, pointer, images }))
    expect(line.value).toEqual({ query_id: query, pointer, log_prob: expect.any(Number), tokens: 1 })
  })

  test('continued at any point gives the same bytes and asks what is missing', async () => {
    const whole = freshPath()
    const reference = await grow(optionsOf(whole, { concurrency: 1 }))
    const text = encodeBeams(reference.beams, optionsOf('').meta)
    const bytes = readFileSync(whole, 'utf8')
    for (const cut of [60, 500, 3_000, 9_000, bytes.length - 400]) {
      const path = freshPath()
      writeFileSync(path, bytes.slice(0, -cut))
      const { beams, statistics } = await grow(optionsOf(path, { concurrency: 1 }))
      expect(encodeBeams(beams, optionsOf('').meta)).toBe(text)
      expect(readFileSync(path, 'utf8')).toBe(bytes)
      expect(statistics.resumed + statistics.prompts).toBeGreaterThanOrEqual(statistics.scores)
      expect(statistics.scores).toBe(reference.statistics.scores)
    }
    const again = await grow(optionsOf(whole))
    expect(again.statistics).toMatchObject({ prompts: 0, resumed: again.statistics.scores })
  })

  test('asks a call again in whole, since a score depends on its neighbours in the last digits', async () => {
    const noisy: ScoreGroundTruth = (prompts) =>
      Promise.resolve(
        prompts.map((prompt) => ({
          logProb: Math.log(probabilityOf(prompt)) - prompts.length * 1e-9,
          tokens: 1,
        })),
      )
    const [whole, path] = [freshPath(), freshPath()]
    await grow(optionsOf(whole, { scoreGroundTruth: noisy }))
    const bytes = readFileSync(whole, 'utf8')
    writeFileSync(path, bytes.slice(0, Math.floor(bytes.length / 2)))
    await grow(optionsOf(path, { scoreGroundTruth: noisy }))
    expect(sortedText(path)).toBe(sortedText(whole))
  })

  test('after an abort keeps what was written', async () => {
    const path = freshPath()
    const controller = new AbortController()
    let calls = 0
    const options = optionsOf(path, {
      signal: controller.signal,
      scoreGroundTruth: (prompts, control) => {
        if (++calls === 7) controller.abort(new Error('interrupted by the user'))
        return scoreGroundTruth(prompts, control)
      },
    })
    await expect(grow(options)).rejects.toThrow('interrupted by the user')
    const kept = linesOf(path).filter(({ key }) => !key.startsWith('query:')).length
    expect(kept).toBeGreaterThan(20)
    expect((await grow(optionsOf(path))).statistics).toMatchObject({ resumed: kept })
  })

  test('of another protocol, shots or pool is refused', async () => {
    const path = freshPath()
    await grow(optionsOf(path))
    const { meta } = optionsOf(path)
    await expect(grow(optionsOf(path, { meta: { ...meta, protocol: { hash: 'p2' } } }))).rejects.toThrow(
      /belongs to another run: _meta\.protocol\.hash/,
    )
    await expect(
      grow(
        optionsOf(path, { pools: (await buildPools({ queries, candidates, size: 12, seed: 4 })).byQuery }),
      ),
    ).rejects.toThrow(/has another pool/)
  })

  test('of shards holds what the run without shards holds', async () => {
    const whole = await grow(optionsOf(freshPath()))
    const parts = await Promise.all(
      [0, 1].map((index) => grow(optionsOf(freshPath(), { shard: { index, count: 2 } }))),
    )
    const joined = parts.flatMap(({ beams }) => beams).sort((a, b) => a.query.id - b.query.id)
    expect(joined).toEqual(whole.beams)
  })
})
