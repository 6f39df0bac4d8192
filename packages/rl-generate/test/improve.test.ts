import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { pointerIds } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { buildPools, defaultMix, improveRounds } from '../src/index.ts'
import type {
  AnswerFunction,
  Improved,
  ImproveEvent,
  ImproveOptions,
  PolicyProposer,
  TrainingRound,
} from '../src/index.ts'
import { examples, freshPath, queries, scripted } from './scripted.ts'
import { toyFeatures, toyPolicy } from './toys.ts'

const pools = await buildPools({ queries, candidates: examples, size: 16, seed: 5 })
const image = toyFeatures(examples, 'image')

/** A policy that likes the pool in the order of its ids, rising or falling. */
function inOrder(isRising: boolean): PolicyProposer {
  return {
    beam: (asked, { width, shots }) =>
      Promise.resolve(
        asked.map(({ poolIds }) => {
          const order = poolIds
            .map((_, n) => n)
            .sort((a, b) => (isRising ? 1 : -1) * (poolIds[a]! - poolIds[b]!))
          const all = order.flatMap((a) => order.filter((b) => b !== a).map((b) => [a, b]))
          return all
            .slice(0, width)
            .map((pointer, i) => ({ pointer: pointer.slice(0, shots), logProb: -1 - i }))
        }),
      ),
    sample: () => Promise.reject(new Error('not asked')),
  }
}

/** Rounds over toys. A "training" writes how much it was given as its checkpoint. */
function options(out: string, changes: Partial<ImproveOptions> = {}): ImproveOptions {
  return {
    ...{ queries, candidates: examples, pools, features: { image }, shots: 2, size: 6, seed: 1 },
    mix: defaultMix(),
    model: { name: 'toy', protocol: { toy: true }, protocolHash: 'p1' },
    dataset: { name: 'toys', split: 'train', hash: 'd1', examples },
    version: '0',
    ...{ out, inputs: { dataset: 'd1' }, rounds: 3, members: 2, training: 'toy', answer: scripted },
    score: (text, { answers }) => ({ accuracy: answers.includes(text) ? 1 : 0, mode: 'file' }),
    policy: { proposer: toyPolicy(), facts: { name: 'start' } },
    async train({ rlData, out: folder }) {
      const checkpoint = join(folder, 'checkpoints/best.safetensors')
      mkdirSync(dirname(checkpoint), { recursive: true })
      const { queries: all } = await readRlData(rlData)
      writeFileSync(checkpoint, String(all.flatMap((one) => one.pointer_candidates).length))
      return { checkpoint, chosen: 'toy' }
    },
    openPolicy: (checkpoint) =>
      Promise.resolve({
        proposer: inOrder(checkpoint.includes('member-1')),
        facts: { from: readFileSync(checkpoint, 'utf8') },
        close: () => Promise.resolve(),
      }),
    ...changes,
  }
}

const folder = (): string => dirname(freshPath())
const filesOf = ({ rlData, checkpoint, journal }: Improved): readonly string[] => [
  readFileSync(rlData, 'utf8'),
  readFileSync(checkpoint, 'utf8'),
  readFileSync(journal, 'utf8').split('\n').sort().join('\n'),
]

test('every pointer of a later round is the best new one of a random member of an ensemble', async () => {
  const asked: TrainingRound[] = []
  const given = options('')
  const improved = await improveRounds(
    options(join(folder(), 'run'), {
      train: (round) => {
        asked.push(round)
        return given.train(round)
      },
    }),
  )
  expect(improved.rounds.map(({ round, outcomes }) => [round, outcomes])).toEqual([
    [1, 120],
    [2, 240],
    [3, 360],
  ])
  expect(improved.rounds.every(({ reward }) => reward !== null && reward > 0 && reward < 1)).toBe(true)
  expect(improved.chosen).toBe('toy')
  expect(readFileSync(improved.checkpoint, 'utf8')).toBe('360')
  // Two members after the first and the second round, and at the end the policy that is delivered.
  expect(asked.map(({ round, member }) => `${round} ${member}`).sort()).toEqual([
    ...['1 0', '1 1', '2 0', '2 1', '3 null'],
  ])
  const { meta, queries: read } = await readRlData(improved.rlData)
  const { plans } = meta!.generator as { plans: { round: number; policy?: unknown; members?: unknown[] }[] }
  expect(plans.map(({ round, policy, members }) => [round, policy, members?.length])).toEqual([
    [1, { name: 'start' }, undefined],
    [2, undefined, 2],
    [3, undefined, 2],
  ])
  let rising = 0
  for (const { candidate_pool_ids: pool, pointer_candidates: all } of read) {
    const keys = all.map((one) => pointerIds(one).join())
    expect(new Set(keys).size).toBe(18)
    expect(all.slice(6).every(({ gen_method }) => gen_method === 'thompson')).toBe(true)
    const sorted = [...pool!].sort((a, b) => a - b)
    const left = [sorted, sorted.toReversed()].map((order) =>
      order.flatMap((a) => order.filter((b) => b !== a).map((b) => `${a},${b}`)),
    )
    const taken = new Set(keys.slice(0, 6))
    for (const key of keys.slice(6)) {
      const firsts = left.map((list) => list.find((one) => !taken.has(one)))
      expect(firsts).toContain(key)
      rising += Number(key === firsts[0])
      taken.add(key)
    }
  }
  // 240 draws of one of two: within five standard deviations of a half.
  expect(Math.abs(rising - 120)).toBeLessThan(39)
})

test('a member is trained on other questions than the next one, as many draws as there are questions', async () => {
  const seen: number[][] = []
  const given = options('')
  await improveRounds(
    options(join(folder(), 'run'), {
      rounds: 2,
      members: 3,
      train: async (round) => {
        const { queries: read } = await readRlData(round.rlData)
        if (round.member !== null) seen.push(read.map(({ query_id: id }) => id))
        return given.train(round)
      },
    }),
  )
  expect(new Set(seen.map(String)).size).toBe(3)
  for (const ids of seen) {
    expect(ids.length).toBeGreaterThan(6)
    expect(ids.length).toBeLessThan(19)
  }
})

test('cut off anywhere and called again, it ends with the same bytes and asks nothing twice', async () => {
  const reference = filesOf(await improveRounds(options(join(folder(), 'run'))))
  const out = join(folder(), 'run')
  const asked = new Map<string, number>()
  let left = 0
  const answer: AnswerFunction = async (prompts, call) => {
    if (--left === 0) throw new Error('cut')
    const answers = await scripted(prompts, call)
    for (const { query, demonstrations } of prompts) {
      const key = [query.id, ...demonstrations.map(({ id }) => id)].join()
      asked.set(key, (asked.get(key) ?? 0) + 1)
    }
    return answers
  }
  let trained = 0
  const train: ImproveOptions['train'] = (round) => {
    if (++trained === 4) throw new Error('cut in the training')
    return options(out).train(round)
  }
  const attempt = (cutAt: number): Promise<Improved> => {
    left = cutAt
    return improveRounds(options(out, { answer, train, batchSize: 16 }))
  }
  await expect(attempt(3)).rejects.toThrow('cut')
  await expect(attempt(9)).rejects.toThrow('cut')
  await expect(attempt(0)).rejects.toThrow('cut in the training')
  await expect(attempt(2)).rejects.toThrow('cut')
  const improved = await attempt(0)
  expect(filesOf(improved)).toEqual(reference)
  expect([...asked.values()].every((count) => count === 1)).toBe(true)
  expect(asked.size).toBe(360)
})

test('a finished run is kept, and continued with more rounds', async () => {
  const out = join(folder(), 'run')
  await improveRounds(options(out, { rounds: 2 }))
  const events: ImproveEvent[] = []
  const more = await improveRounds(options(out, { onEvent: (event) => events.push(event) }))
  expect(filesOf(more)).toEqual(filesOf(await improveRounds(options(join(folder(), 'run')))))
  const known = events.flatMap((event) => (event.type === 'known' ? [[event.round, event.what]] : []))
  expect(known).toEqual([
    [1, 'measured'],
    [1, 'trained'],
    [2, 'measured'],
  ])
  await expect(improveRounds(options(out, { members: 3 }))).rejects.toThrow(
    /another configuration: .*members/,
  )
})

test('what measures nothing new is refused before a folder is made', async () => {
  const out = join(folder(), 'run')
  for (const wrong of [{ rounds: 0 }, { members: 0 }, { size: 1 }])
    await expect(improveRounds(options(out, wrong))).rejects.toThrow('at least 1 round')
  expect(existsSync(out)).toBe(false)
})

test('members are closed when their pointers are planned, also when one cannot be opened', async () => {
  const closed: string[] = []
  let opened = 0
  const openPolicy: ImproveOptions['openPolicy'] = async (checkpoint) => {
    if (++opened === 6) throw new Error('no such policy')
    return {
      ...(await options('').openPolicy(checkpoint)),
      close: () => Promise.resolve(void closed.push(checkpoint)),
    }
  }
  await improveRounds(options(join(folder(), 'run'), { openPolicy }))
  expect(closed).toHaveLength(4)
  const broken = options(join(folder(), 'run'), { openPolicy })
  await expect(improveRounds(broken)).rejects.toThrow('no such policy')
  expect(closed).toHaveLength(5)
})

test('what the last training asks for is measured once, in a journal of its own', async () => {
  const out = join(folder(), 'run')
  const asked: string[] = []
  let cut = true
  const given = options(out)
  const answer: AnswerFunction = (prompts, call) => {
    asked.push(
      ...prompts.map(({ query, demonstrations }) => [query.id, ...demonstrations.map(({ id }) => id)].join()),
    )
    return scripted(prompts, call)
  }
  const seen: unknown[] = []
  const train: ImproveOptions['train'] = async (round) => {
    if (round.member !== null) {
      expect(() => round.measure([])).toThrow('only the policy that is delivered')
      return given.train(round)
    }
    const [first, second] = (await readRlData(round.rlData)).queries
    const pointers = [first!, first!, second!].map(({ query_id: queryId, candidate_pool_ids: pool }, i) => ({
      queryId,
      pointer: [pool![3 + i]!, pool![0]!],
    }))
    seen.push(await round.measure(pointers))
    if (cut) throw new Error('cut')
    return given.train(round)
  }
  await expect(improveRounds(options(out, { rounds: 1, train, answer }))).rejects.toThrow('cut')
  cut = false
  const improved = await improveRounds(options(out, { rounds: 1, train, answer }))
  expect(seen[1]).toEqual(seen[0])
  expect(seen[0]).toHaveLength(3)
  expect(improved.validated).toBe(3)
  expect(asked).toHaveLength(123)
  expect(improved.rounds[0]!.outcomes).toBe(120)
  const { queries: checked } = await readRlData(join(out, 'round-1', 'validation.jsonl'))
  expect(checked.flatMap((one) => one.pointer_candidates.map(({ vqa_acc_score }) => vqa_acc_score))).toEqual(
    (seen[0] as { accuracy: number }[]).map(({ accuracy }) => accuracy),
  )
})

test('of several trainings of an ensemble that fail, one is reported when all have ended', async () => {
  let ended = 0
  const train: ImproveOptions['train'] = async ({ member }) => {
    await new Promise((resolve) => setTimeout(resolve, 5 * (2 - member!)))
    ended++
    throw new Error(`member ${member}`)
  }
  await expect(improveRounds(options(join(folder(), 'run'), { train }))).rejects.toThrow('member 0')
  expect(ended).toBe(2)
})
