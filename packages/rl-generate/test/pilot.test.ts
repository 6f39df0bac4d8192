import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import type { RlData } from '@lever/rl-dataset'
import { analysePilot, formatPilot, pilotTables } from '../src/index.ts'
import { components } from '../src/pilot/components.ts'
import { jackknife, shareOf } from '../src/pilot/estimate.ts'
import type { PilotGroup } from '../src/pilot/outcomes.ts'
import { neededQuestions } from '../src/pilot/power.ts'
import { predictability } from '../src/pilot/predict.ts'
import { reliability, stableGain } from '../src/pilot/reliability.ts'

/** Standard normal by Box and Muller. */
function normals(seed: number): () => number {
  const random = createRandom(seed, 'pilot-test')
  return () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

interface World {
  queries?: number
  size?: number
  bank?: number
  /** Standard deviations of query, demonstration, rest. */
  sd?: [number, number, number]
  noise?: number
}

/** Two wordings of y = 2 + q + d + e, each with noise of its own; e is known. */
function draw(
  seed: number,
  { queries = 48, size = 16, bank = 64, sd: [q, d, e] = [2, 0.6, 1], noise = 0 }: World = {},
): { a: PilotGroup[]; b: PilotGroup[]; rest: Map<string, number> } {
  const normal = normals(seed)
  const random = createRandom(seed, 'pools')
  const effects = Array.from({ length: bank }, () => d * normal())
  const rest = new Map<string, number>()
  const pairs = Array.from({ length: queries }, (_, query) => {
    const level = 2 + q * normal()
    const ids = random.sample(
      Array.from({ length: bank }, (_, i) => i),
      size,
    )
    const truth = ids.map((id) => {
      const own = e * normal()
      rest.set(`${query} ${id}`, own)
      return level + effects[id]! + own
    })
    const measured = (): PilotGroup => ({
      query,
      keys: ids.map(String),
      values: Float64Array.from(truth, (value) => value + noise * normal()),
    })
    return [measured(), measured()] as const
  })
  return { a: pairs.map(([one]) => one), b: pairs.map(([, two]) => two), rest }
}

const zip = ({ a, b }: { a: PilotGroup[]; b: PilotGroup[] }): [PilotGroup, PilotGroup][] =>
  a.map((group, i) => [group, b[i]!])
const meanOf = (values: readonly number[]): number => values.reduce((x, y) => x + y, 0) / values.length

describe('components', () => {
  test('are those of the world, on average, and their intervals hold it', () => {
    const [q, d, e] = [4, 0.36, 1]
    const truth = { query: q / 5.36, demonstration: d / 5.36, rest: e / 5.36, demonstrationWithin: d / 1.36 }
    const found = Array.from({ length: 60 }, (_, seed) => components(draw(seed).a))
    for (const name of ['query', 'demonstration', 'rest', 'demonstrationWithin'] as const) {
      const covered = found.filter(({ [name]: one }) => one.low <= truth[name] && truth[name] <= one.high)
      expect(meanOf(found.map((one) => one[name].value)) / truth[name]).toBeCloseTo(1, 0.7)
      expect(covered.length).toBeGreaterThanOrEqual(51)
    }
    expect(meanOf(found.map(({ within }) => within.value))).toBeCloseTo(1.36, 1)
  })

  test('without demonstration effects find none', () => {
    const found = Array.from({ length: 40 }, (_, seed) => components(draw(seed, { sd: [2, 0, 1] }).a))
    expect(Math.abs(meanOf(found.map((one) => one.demonstration.value)))).toBeLessThan(0.003)
  })
})

describe('reliability', () => {
  test('is the share of the variance within a query that both wordings have', () => {
    const found = Array.from({ length: 40 }, (_, seed) => reliability(zip(draw(seed, { noise: 1 })))!)
    expect(meanOf(found.map(({ correlation }) => correlation.value))).toBeCloseTo(1.36 / 2.36, 1)
    const covered = found.filter(
      ({ correlation: { low, high } }) => low <= 1.36 / 2.36 && 1.36 / 2.36 <= high,
    )
    expect(covered.length).toBeGreaterThanOrEqual(34)
    expect(meanOf(found.map(({ carried }) => carried.value))).toBeCloseTo(1.36 / 2.36, 1)
  })

  test('of noise alone is 0, and a choice by it gains nothing', () => {
    const worlds = Array.from({ length: 40 }, (_, seed) => zip(draw(seed, { sd: [2, 0, 0], noise: 1 })))
    const holdsZero = ({ low, high }: { low: number; high: number }): boolean => low <= 0 && high >= 0
    expect(worlds.filter((pairs) => holdsZero(reliability(pairs)!.correlation)).length).toBeGreaterThan(33)
    expect(worlds.filter((pairs) => holdsZero(stableGain(pairs, pairs)!)).length).toBeGreaterThan(33)
  })

  test('equal bests are averaged, so that no order of the choices matters', () => {
    const group = (...values: number[]): PilotGroup => ({
      query: values.length + values[0]!,
      keys: values.map((_, i) => String(i)),
      values: Float64Array.from(values),
    })
    const pair: [PilotGroup, PilotGroup] = [group(1, 1, 0), group(1, 0, 0)]
    const pairs = Array.from({ length: 4 }, () => pair)
    expect(stableGain(pairs, pairs)!.value).toBeCloseTo((1 / 2 - 1 / 3 + (1 - 2 / 3)) / 2, 12)
    expect(reliability(pairs.slice(0, 3))).toBeNull()
  })
})

test('predictability finds what features hold of the rest, and nothing where they are noise', () => {
  const shares = Array.from({ length: 20 }, (_, seed) => {
    const { a, rest } = draw(seed)
    const normal = normals(seed + 100)
    const half = predictability(a, (query, key) => [rest.get(`${query} ${key}`)! + normal(), normal()])!
    const none = predictability(a, () => [normal(), normal()])!
    return [half.r2.value, none.r2.value]
  })
  // the feature is the rest with as much noise: it explains half of the rest, 0.5 of 1.36
  expect(meanOf(shares.map(([half]) => half!))).toBeCloseTo(0.5 / 1.36, 1)
  expect(Math.abs(meanOf(shares.map(([, none]) => none!)))).toBeLessThan(0.005)
  expect(predictability(draw(0).a, () => undefined)).toBeNull()
})

test('estimates: a mean has its t interval, a share that of Wilson, power its formula', () => {
  const values = [1, 2, 3, 4, 5]
  const { value, low, high } = jackknife(5, (without) => meanOf(values.filter((_, i) => i !== without)))
  expect([value, low, high]).toEqual([3, expect.closeTo(3 - 1.963, 2), expect.closeTo(3 + 1.963, 2)])
  expect(shareOf(0, 48)).toMatchObject({ value: 0, low: 0, high: expect.closeTo(0.0741, 3) })
  const needed = neededQuestions({ value: 0.047, low: 0.03, high: 0.06 })
  expect(needed.map(({ gain, questions }) => [gain, questions.value])).toEqual([
    [0.01, 3689],
    [0.02, 923],
    [0.05, 148],
  ])
})

/** Outcomes as RL data; E and accuracy are made of the values. */
function dataOf(groups: readonly PilotGroup[], accuracyOf: (value: number) => number): RlData {
  return {
    meta: null,
    queries: groups.map(({ query, keys, values }) => ({
      query_id: query,
      query: {},
      candidate_pool_ids: null,
      pointer_candidates: keys.map((key, i) => ({
        pointer: [Number(key)],
        gen_method: 'random',
        vqa_correct: accuracyOf(values[i]!) > 0 ? 1 : 0,
        vqa_acc_score: accuracyOf(values[i]!),
        vqa_gt_prob: 1 / (1 + Math.exp(-values[i]!)),
        vqa_eval_mode: 'file' as const,
      })),
    })),
  }
}

describe('the verdict', () => {
  const verdict = (world: World, accuracyOf = (value: number): number => (value > 2 ? 1 : 0)) => {
    const drawn = draw(3, world)
    const features = (query: number, key: string): number[] => [drawn.rest.get(`${query} ${key}`)!]
    return analysePilot({
      data: dataOf(drawn.a, accuracyOf),
      other: dataOf(drawn.b, accuracyOf),
      features,
      promptsPerSecond: 2,
      pricePerHour: 3,
    })
  }

  test('worth training, where the rest is there and can be predicted', () => {
    const { recommendation: said } = verdict({ sd: [1, 0.2, 1], noise: 0.3 })
    expect(said).toMatchObject({ verdict: 'worth training', reward: 'expected_accuracy', pool: 'mixed' })
    expect(said.prompts).toBe(said.groupSize * said.trainingQueries)
    expect(said.hours).toBeCloseTo(said.prompts / 2 / 3600, 12)
    expect(said.money).toBeCloseTo(3 * said.hours!, 12)
  })

  test('a static set, where demonstrations are good for everyone', () => {
    const { recommendation } = verdict({ sd: [1, 1, 0.2], noise: 0.3 })
    expect(recommendation.verdict).toBe('a static set wins most of what can be learned here')
  })

  test('nothing, where all is noise or all is equal', () => {
    const equal = verdict({ noise: 0.3 }, () => 0)
    expect(equal.recommendation.verdict).toBe('nothing to win by choosing here')
    const noise = verdict({ sd: [1, 0, 0], noise: 0.5 })
    expect(noise.recommendation.verdict).toMatch(/nothing to win|too few queries/)
  })

  test('none from a handful of queries, whatever they say', () => {
    const drawn = draw(3, { sd: [1, 0.2, 1], noise: 0.3 })
    const [a, b] = [drawn.a, drawn.b].map((one) => dataOf(one, (value) => (value > 2 ? 1 : 0)))
    const first = (data: RlData): RlData => ({ ...data, queries: data.queries.slice(0, 8) })
    const { recommendation } = analysePilot({ data: first(a!), other: first(b!) })
    expect(recommendation.verdict).toMatch(/^8 queries are too few to say anything; measure 20 at least/)
    const { verdict: said, tables, notes } = pilotTables(analysePilot({ data: a!, other: b! }))
    expect(said).not.toMatch(/too few/)
    expect(tables.every(({ header, rows }) => rows.every(({ length }) => length === header.length))).toBe(
      true,
    )
    expect(notes.at(-1)).toMatch(/^recommended: reward/)
  })

  test('as text begins with the verdict; too few queries, or one wording twice, are said', () => {
    const drawn = draw(3)
    const data = dataOf(drawn.a, (value) => (value > 2 ? 1 : 0))
    const same = analysePilot({ data, other: data })
    expect(formatPilot(same)).toMatch(/^verdict: /)
    expect(formatPilot(same)).toContain('Both wordings gave the very same outcomes')
    expect(formatPilot(analysePilot({ data }))).toContain('Without a second wording')
    expect(() => analysePilot({ data: { ...data, queries: data.queries.slice(0, 3) } })).toThrow(
      'has 3 queries with several measured choices; a pilot needs 4',
    )
  })
})
