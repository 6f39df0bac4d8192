import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { buildGroups, parseRlData } from '@lever/rl-dataset'
import { encodeBeams, writeBeams, type BeamOptions, type ScoreGroundTruth } from '../src/index.ts'
import { freshPath } from './scripted.ts'
import { candidates, queries, pools, scored, optionsOf, grow } from './beams-toys.ts'

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
      /holds 999, which is not a candidate/,
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
