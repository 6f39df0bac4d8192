import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import {
  mergeShards,
  writeRlData,
  type AnswerFunction,
  type MeasureOptions,
  type ExamplePrompt,
} from '../src/index.ts'
import { freshPath, linesOf, measure, proposer, scripted, sortedText, toyOptions } from './scripted.ts'

const small = { plan: { size: 12 }, propose: proposer() }
const large = { plan: { size: 20 }, propose: proposer({ size: 20 }) }
/** Its first pointers are those of `small` in another order of methods, and others. */
const other = {
  plan: { mix: 'other', size: 14 },
  propose: proposer({ size: 14, shots: 2, seed: 9 }),
}

type Plan = Pick<MeasureOptions, 'plan' | 'propose'>

function options(path: string, plan: Plan, changes: Partial<MeasureOptions> = {}): MeasureOptions {
  return toyOptions(path, { ...(plan as Partial<MeasureOptions>), ...changes })
}

/** An answer function that fails at its n-th call. */
function failingAt(n: number): AnswerFunction {
  let calls = 0
  return (prompts, call) => (++calls === n ? Promise.reject(new Error('cut')) : scripted(prompts, call))
}

async function dataOf(path: string): Promise<string> {
  const out = freshPath('rl.json')
  await writeRlData({ journal: path, out })
  return readFileSync(out, 'utf8')
}

interface Meta {
  generator?: { plans?: unknown[] }
}

interface Query {
  pointer_candidates: { pointer: number[]; rank: number }[]
}

function parse(text: string): { meta: Meta; queries: Query[] } {
  const { _meta, ...queries } = JSON.parse(text) as { _meta: Meta } & Record<string, unknown>
  return { meta: _meta, queries: Object.values(queries as Record<string, Query>) }
}

describe('another plan on a finished journal', () => {
  test('of larger groups measures only what is new, and ranks it behind', async () => {
    const path = freshPath()
    await measure(options(path, small))
    const before = linesOf(path)
    const asked: ExamplePrompt[] = []
    const answer: AnswerFunction = (prompts, call) => {
      asked.push(...prompts)
      return scripted(prompts, call)
    }
    const statistics = await measure(options(path, large, { answer }))
    expect(statistics).toMatchObject({ resumed: 240, measured: 160, outcomes: 400 })
    expect(asked).toHaveLength(160)
    expect(linesOf(path).slice(0, before.length)).toEqual(before)
    const { meta, queries } = parse(await dataOf(path))
    expect(meta.generator?.plans).toEqual([small.plan, large.plan])
    for (const { pointer_candidates: candidates } of queries) {
      expect(new Set(candidates.map(({ pointer }) => pointer.join())).size).toBe(candidates.length)
      const ranks = candidates.map(({ rank }) => rank)
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
      expect(new Set(ranks).size).toBe(ranks.length)
    }
  })

  test('of other methods gives the same bytes however often it is cut off', async () => {
    const reference = freshPath()
    for (const plan of [small, other, large]) await measure(options(reference, plan))
    const path = freshPath()
    for (const plan of [small, other, large]) {
      for (const at of [3, 5]) {
        await expect(
          measure(options(path, plan, { answer: failingAt(at), concurrency: at })),
        ).rejects.toThrow('cut')
      }
      await measure(options(path, plan, { concurrency: 3, imageBudget: 9 }))
    }
    expect(sortedText(path)).toBe(sortedText(reference))
    expect(await dataOf(path)).toBe(await dataOf(reference))
  })

  test('of smaller groups has nothing to do, and an earlier plan may be asked for again at any time', async () => {
    const path = freshPath()
    await measure(options(path, large))
    expect(await measure(options(path, small))).toMatchObject({ measured: 0, outcomes: 400 })
    await expect(measure(options(path, other, { answer: failingAt(2) }))).rejects.toThrow('cut')
    for (const plan of [large, small]) {
      expect(await measure(options(path, plan, { answer: failingAt(1) }))).toMatchObject({ measured: 0 })
    }
    await measure(options(path, other))
    expect(await measure(options(path, other))).toMatchObject({ measured: 0 })
  })

  test('is refused while queries of the earlier one are unfinished, and writes nothing', async () => {
    const path = freshPath()
    await expect(measure(options(path, small, { answer: failingAt(4) }))).rejects.toThrow('cut')
    const before = readFileSync(path, 'utf8')
    await expect(measure(options(path, large))).rejects.toThrow(
      /has \d+ queries whose pointers of another plan are not all measured \(query \d+: \d+ of 12\); run the earlier command to its end/,
    )
    expect(readFileSync(path, 'utf8')).toBe(before)
    await measure(options(path, small))
    expect(await measure(options(path, large))).toMatchObject({ outcomes: 400 })
  })

  test('may follow one that said nothing about itself', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    expect(linesOf(path).some(({ key }) => key.startsWith('plan:'))).toBe(false)
    await measure(options(path, large))
    expect(await measure(toyOptions(path))).toMatchObject({ measured: 0, outcomes: 400 })
    expect(parse(await dataOf(path)).meta.generator?.plans).toEqual([large.plan])
  })

  test('adds rounds to flat queries when they are asked for later', async () => {
    const path = freshPath()
    const answer: AnswerFunction = (prompts) => Promise.resolve(prompts.map(() => ({ text: 'x' })))
    await measure(options(path, small, { answer }))
    const more = { answer, untilInformative: { limit: 16 } }
    expect(await measure(options(path, small, more))).toMatchObject({ measured: 80, outcomes: 320 })
    const once = freshPath()
    await measure(options(once, small, more))
    expect(sortedText(path)).toBe(sortedText(once))
  })
})

describe('merging shards of two plans', () => {
  const shards = async (plans: readonly Plan[][]): Promise<string[]> => {
    const paths: string[] = []
    for (const [index, own] of plans.entries()) {
      const path = freshPath(`shard-${index}.jsonl`)
      for (const plan of own) await measure(options(path, plan, { shard: { index, count: plans.length } }))
      paths.push(path)
    }
    return paths
  }

  test('gives the lines of a run without shards', async () => {
    const reference = freshPath()
    for (const plan of [small, other]) await measure(options(reference, plan))
    const paths = await shards([
      [small, other],
      [small, other],
      [small, other],
    ])
    const out = freshPath()
    await mergeShards({ paths, out })
    expect(sortedText(out)).toBe(sortedText(reference))
    expect(await measure(options(out, other))).toMatchObject({ measured: 0 })
    await measure(options(out, large))
    await measure(options(reference, large))
    expect(sortedText(out)).toBe(sortedText(reference))
  })

  test('refuses a shard without the last plan, or with half of it', async () => {
    const [first, second] = await shards([[small, other], [small]])
    const out = freshPath()
    await expect(mergeShards({ paths: [first!, second!], out })).rejects.toThrow(
      /are not of one generation: plans/,
    )
    const shard = { index: 1, count: 2 }
    await expect(
      measure(options(second!, other, { shard, answer: failingAt(3), imageBudget: 1 })),
    ).rejects.toThrow('cut')
    await expect(mergeShards({ paths: [first!, second!], out })).rejects.toThrow(
      /query \d+ \(.*\) has (\d+ of \d+ outcomes|no outcomes of the last plan)/,
    )
    await measure(options(second!, other, { shard }))
    await mergeShards({ paths: [first!, second!], out })
  })
})
