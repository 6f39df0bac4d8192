import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { hashOf } from '@lever/durable-files'
import { buildGroups, parseRlData } from '@lever/rl-dataset'
import {
  buildPools,
  encodeBeams,
  growBeams,
  writeBeams,
  type AnchorBeams,
  type BeamEvent,
  type BeamOptions,
  type BeamStatistics,
  type GroundTruthScore,
  type ExamplePrompt,
  type ScoreGroundTruth,
} from '../src/index.ts'
import { freshPath, linesOf, sortedText } from './scripted.ts'
import { toyExamples } from './toys.ts'

const candidates = toyExamples(60)
const queries = candidates.slice(0, 6)
const { byQuery: pools } = await buildPools({ queries, candidates, size: 12, seed: 3 })

/** A probability that is a function of the prompt alone. */
function probabilityOf({ demonstrations, query }: ExamplePrompt): number {
  const text = [...demonstrations, query].map(({ id }) => id).join()
  return (1 + createHash('sha256').update(text).digest().readUInt16BE()) / 65_537
}

const scored = (prompt: ExamplePrompt): GroundTruthScore => ({
  logProb: Math.log(probabilityOf(prompt)),
  tokens: 1,
})
const scoreGroundTruth: ScoreGroundTruth = (prompts) => Promise.resolve(prompts.map(scored))

function optionsOf(journal: string, changes: Partial<BeamOptions> = {}): BeamOptions {
  return {
    queries,
    candidates,
    pools,
    scoreGroundTruth,
    infoScore: (after, before) => Math.exp(after.logProb) - Math.exp(before.logProb),
    journal,
    meta: { protocol: { hash: 'p1' }, shot_num: 2, pool_size: 12, vqa_model: 'toy' },
    width: 3,
    ...changes,
  }
}

async function grow(
  options: BeamOptions,
): Promise<{ beams: readonly AnchorBeams[]; statistics: BeamStatistics }> {
  let last: BeamEvent | undefined
  for await (const event of growBeams(options)) last = event
  if (last?.type !== 'done') throw new Error('no done event')
  return last
}

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

describe('what cannot be scored', () => {
  const broken: ScoreGroundTruth = (prompts) =>
    Promise.resolve(
      prompts.map((prompt) =>
        prompt.demonstrations.some(({ id }) => id === pools.get(0)![2])
          ? { error: 'torn image' }
          : scored(prompt),
      ),
    )

  test('ends the run, or leaves the sequence out', async () => {
    await expect(grow(optionsOf(freshPath(), { scoreGroundTruth: broken }))).rejects.toThrow(
      /could not be scored: torn image; .*--no-strict/,
    )
    const { beams, statistics } = await grow(
      optionsOf(freshPath(), { scoreGroundTruth: broken, strict: false }),
    )
    expect(statistics.failed).toBeGreaterThan(0)
    for (const anchor of beams)
      for (const { ids } of anchor.beams) expect(ids).not.toContain(pools.get(0)![2])
  })

  test('leaves an anchor out of which nothing can be scored', async () => {
    const torn = queries[1]!.id
    const scoreGroundTruth: ScoreGroundTruth = (prompts) =>
      Promise.resolve(
        prompts.map((prompt) => (prompt.query.id === torn ? { error: 'torn image' } : scored(prompt))),
      )
    const changes = { scoreGroundTruth, strict: false }
    const { beams, statistics } = await grow(optionsOf(freshPath(), changes))
    const whole = await grow(optionsOf(freshPath()))
    expect(beams).toEqual(whole.beams.filter(({ query }) => query.id !== torn))
    expect(statistics).toMatchObject({ anchors: 6, failed: 1, unscored: 1 })
    await expect(grow(optionsOf(freshPath(), { ...changes, queries: [queries[1]!] }))).rejects.toThrow(
      /none of the 1 anchors could be scored/,
    )
  })

  test.each([
    [
      'a score that is no log-probability',
      { scoreGroundTruth: () => Promise.resolve([{ logProb: NaN, tokens: 1 }]) },
      /no log-probability/,
    ],
    ['too few scores', { scoreGroundTruth: () => Promise.resolve([]) }, /0 scores to 1 prompts/],
    ['a width of 0', { width: 0 }, /beam width is 0/],
    ['a query without an answer', { queries: [{ ...queries[0]!, answer: '' }] }, /no answer to score/],
    ['a pool that is too small', { pools: new Map() }, /has 0 candidates/],
    ['a repeated candidate', { pools: new Map([...pools, [0, [7, 7, 8]]]) }, /holds a candidate twice/],
    [
      'an unknown candidate',
      { pools: new Map([...pools, [0, [7, 8, 999]]]) },
      /holds 999, which is no candidate/,
    ],
  ] as [string, Partial<BeamOptions>, RegExp][])('%s is refused', async (_, changes, message) => {
    await expect(grow(optionsOf(freshPath(), changes))).rejects.toThrow(message)
  })
})

describe('the file', () => {
  test('is read as beams with labels that are positions in the pool of the query', async () => {
    const { beams } = await grow(optionsOf(freshPath()))
    const path = freshPath('beams.json')
    await writeBeams(path, beams, optionsOf('').meta)
    const data = parseRlData(readFileSync(path))
    expect(data.report.problems.listed).toEqual([])
    expect(Object.fromEntries(data.report.shapes)).toEqual({ L2: 6 })
    expect(data.meta).toMatchObject({ protocol: { hash: 'p1' }, shot_num: 2 })
    for (const [i, query] of data.queries.entries()) {
      const { poolIds, beams: grown } = beams[i]!
      expect(query.candidate_pool_ids).toEqual(poolIds)
      expect(query.pointer_candidates.map(({ pointer }) => pointer)).toEqual(
        grown.map(({ ids }) => ids.map((id) => poolIds.indexOf(id))),
      )
      expect(query.pointer_candidates.map(({ beam_score }) => beam_score)).toEqual(
        grown.map(({ score }) => score),
      )
      expect(query.pointer_candidates[0]!.shots).toEqual(
        grown[0]!.steps.map(({ id, score }, k) => ({ k: k + 1, id, score })),
      )
    }
    const ids = candidates.map(({ id }) => id)
    const { groups, poolsFromPointers } = buildGroups(data, { ids }, { reward: { mode: 'legacy', alpha: 1 } })
    expect(poolsFromPointers).toBe(0)
    expect(groups[0]!.poolIds).toHaveLength(12)
    expect(Array.from(groups[0]!.rawRewards)).toEqual(beams[0]!.beams.map(({ score }) => score))
  })

  test("is what the original's loader reads: id_list and score_list of every entry", async () => {
    const { beams } = await grow(optionsOf(freshPath()))
    const file = JSON.parse(encodeBeams(beams, optionsOf('').meta)) as Record<
      string,
      { id_list: number[][]; score_list: number[] }
    >
    const anchors = Object.values(file).flatMap(({ id_list }) => id_list.map((list) => list.at(-1)))
    expect(new Set(anchors)).toEqual(new Set(queries.map(({ id }) => id)))
    for (const { id_list, score_list } of Object.values(file)) expect(score_list).toHaveLength(id_list.length)
  })

  test('a label that is not in the pool is an error', async () => {
    const { beams } = await grow(optionsOf(freshPath()))
    const [first, ...rest] = beams
    const wrong = { ...first!, poolIds: first!.poolIds.filter((id) => id !== first!.beams[0]!.ids[0]) }
    const text = encodeBeams([wrong, ...rest], optionsOf('').meta)
    expect(() => parseRlData(Buffer.from(text), { file: 'beams.json' })).toThrow(
      /beams\.json: query 0, candidate 0: pointer \d+ is not in the pool of 11/,
    )
  })
})
