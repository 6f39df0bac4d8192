import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { pointerIds } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { buildPools, defaultMix, improveRounds } from '../src/index.ts'
import type { AnswerFunction, Improved, ImproveEvent, ImproveOptions } from '../src/index.ts'
import { examples, freshPath, queries, scripted } from './scripted.ts'
import { toyFeatures, toyPolicy } from './toys.ts'

const pools = await buildPools({ queries, candidates: examples, size: 16, seed: 5 })
const image = toyFeatures(examples, 'image')

/** Rounds over toys. A "training" writes how much it was given as its checkpoint. */
function options(out: string, changes: Partial<ImproveOptions> = {}): ImproveOptions {
  return {
    ...{ queries, candidates: examples, pools, features: { image }, shots: 2, size: 6, seed: 1 },
    mix: defaultMix(),
    model: { name: 'toy', protocol: { toy: true }, protocolHash: 'p1' },
    dataset: { name: 'toys', split: 'train', hash: 'd1', examples },
    version: '0',
    ...{ out, inputs: { dataset: 'd1' }, rounds: 3, explore: 0.5, training: 'toy', answer: scripted },
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
        proposer: toyPolicy(),
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

test('every round measures new pointers, half of them the best of the policy, into one journal', async () => {
  const improved = await improveRounds(options(join(folder(), 'run')))
  expect(improved.rounds.map(({ outcomes }) => outcomes)).toEqual([120, 240, 360])
  expect(improved.rounds[0]!.proposed).toBeNull()
  expect(improved.rounds[1]!.proposed).toBeGreaterThanOrEqual(0)
  expect(readFileSync(improved.checkpoint, 'utf8')).toBe('360')
  const { meta, queries: read } = await readRlData(improved.rlData)
  const { plans } = meta!.generator as { plans: { round: number; policy: unknown }[] }
  expect(plans.map(({ round, policy }) => [round, policy])).toEqual([
    [1, { name: 'start' }],
    [2, { from: '120' }],
    [3, { from: '240' }],
  ])
  for (const { query_id: id, candidate_pool_ids: pool, pointer_candidates: all } of read) {
    expect(new Set(all.map((one) => pointerIds(one).join())).size).toBe(18)
    // The policy has never changed: rounds 2 and 3 hold its best pointers that were not measured before.
    const known = new Set(all.slice(0, 6).map((one) => pointerIds(one).join()))
    const asked = [{ queryId: id, poolIds: pool! }]
    const [beams] = await toyPolicy().beam(asked, { width: 15, shots: 2 })
    const fresh = beams!.map(({ pointer }) => Array.from(pointer, (n) => pool![n]!).join())
    const wanted = fresh.filter((pointer) => !known.has(pointer)).slice(0, 3)
    expect(all.slice(6, 9).map((one) => pointerIds(one).join())).toEqual(wanted)
    expect(all.slice(6, 9).map(({ gen_method }) => gen_method)).toEqual(['beam', 'beam', 'beam'])
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
    if (++trained === 2) throw new Error('cut in the training')
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
  await expect(improveRounds(options(out, { explore: 0.25 }))).rejects.toThrow(
    /another configuration: .*explore/,
  )
})

test('what measures nothing new is refused before a folder is made', async () => {
  const out = join(folder(), 'run')
  for (const wrong of [{ rounds: 0 }, { explore: 1.5 }, { size: 1 }])
    await expect(improveRounds(options(out, wrong))).rejects.toThrow('at least 1 round')
  expect(existsSync(out)).toBe(false)
})

test('a policy is closed when its round is measured, also when that fails', async () => {
  const closed: string[] = []
  const openPolicy: ImproveOptions['openPolicy'] = async (checkpoint) => ({
    ...(await options('').openPolicy(checkpoint)),
    close: () => Promise.resolve(void closed.push(checkpoint)),
  })
  await improveRounds(options(join(folder(), 'run'), { openPolicy }))
  expect(closed).toHaveLength(2)
  let calls = 0
  const answer: AnswerFunction = (prompts, call) => {
    if (++calls > 20) return Promise.reject(new Error('cut'))
    return scripted(prompts, call)
  }
  const broken = options(join(folder(), 'run'), { openPolicy, answer, batchSize: 16 })
  await expect(improveRounds(broken)).rejects.toThrow('cut')
  expect(closed.length).toBeGreaterThan(2)
})
