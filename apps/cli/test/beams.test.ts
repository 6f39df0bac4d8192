import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const read = (name: string): string => readFileSync(at(name), 'utf8')

/** Runs a command that must succeed, and gives its JSON. */
async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await lever([...args, '--json', '--quiet'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}

const beams = (out: string, ...more: readonly string[]): string[] => [
  ...['beams', '--dataset', at('world'), '--out', at(out), '--pool-size', '12', '--width', '3'],
  ...['--workers', '1', ...more],
]
const sft = (out: string, file: string, ...more: readonly string[]): string[] => [
  ...['sft', '--beams', at(file), '--embeddings', at('world.safetensors'), '--out', at(out)],
  ...['--epochs', '2', '--hidden', '16', '--val-ratio', '0.2', ...more],
]

interface BeamFile {
  _meta: { protocol: { hash: string } }
  [query: string]: {
    candidate_pool_ids: number[]
    id_list: number[][]
    score_list: number[]
  } & { protocol: { hash: string } }
}

let file: BeamFile
beforeAll(async () => {
  smallWorld(at('world'), 'train', 30)
  await json('embed', '--dataset', at('world'), '--out', at('world.safetensors'))
  const grown = await json(...beams('whole'))
  expect(grown).toMatchObject({
    beams: at('whole/beams.json'),
    statistics: { anchors: 30, prompts: 30 * (1 + 12 + 3 * 11), failed: 0 },
  })
  file = JSON.parse(read('whole/beams.json')) as BeamFile
}, 120_000)

describe('lever beams', () => {
  test('writes beams of the original form, every label in the pool of its query', () => {
    const { _meta, ...queries } = file
    expect(_meta).toMatchObject({ schema: 'lever-beams', shot_num: 2, pool_size: 12 })
    for (const [id, { id_list, score_list, candidate_pool_ids }] of Object.entries(queries)) {
      expect(id_list).toHaveLength(3)
      expect(score_list).toEqual([...score_list].sort((a, b) => b - a))
      for (const list of id_list) {
        expect(list.at(-1)).toBe(Number(id))
        expect(list.slice(0, -1).every((one) => candidate_pool_ids.includes(one))).toBe(true)
      }
    }
  })

  test('killed and run again gives the same bytes', async () => {
    const journal = at('killed/beams.jsonl')
    const far = (): boolean => existsSync(journal) && readFileSync(journal, 'utf8').split('\n').length > 300
    const killed = await lever(beams('killed'), { kill: [{ signal: 'SIGKILL', when: far }] })
    expect(killed.signal).toBe('SIGKILL')
    expect(existsSync(at('killed/beams.json'))).toBe(false)
    const { statistics } = (await json(...beams('killed'))) as { statistics: { resumed: number } }
    expect(statistics.resumed).toBeGreaterThanOrEqual(290)
    expect(read('killed/beams.json')).toBe(read('whole/beams.json'))
    const sorted = (name: string): string => read(name).split('\n').sort().join('\n')
    expect(sorted('killed/beams.jsonl')).toBe(sorted('whole/beams.jsonl'))
  }, 60_000)

  test('in shards gives the beams of the run without shards; the parts merge', async () => {
    for (const index of ['0', '1']) await json(...beams(`part-${index}`, '--shard', `${index}/2`))
    const parts = ['part-0/beams.json', 'part-1/beams.json']
    const { _meta, ...whole } = file
    const joined = Object.assign({}, ...parts.map((name) => JSON.parse(read(name)) as object)) as object
    expect(joined).toMatchObject(whole)
    await json('data', 'merge', ...parts.map(at), '--out', at('merged.json'))
    const described = await json('data', 'describe', at('merged.json'))
    expect(described).toMatchObject({ queries: 30, candidates: 90 })
  }, 60_000)

  test('put before: the last chosen comes first', async () => {
    await json(...beams('before', '--order', 'before', '--queries', '3', '--info-score', 'log-probability'))
    const { _meta, ...queries } = JSON.parse(read('before/beams.json')) as Record<
      string,
      { id_list: number[][]; beams: { shots: { id: number }[] }[] }
    >
    for (const { id_list, beams: grown } of Object.values(queries))
      expect(id_list[0]!.slice(0, -1)).toEqual(grown[0]!.shots.map(({ id }) => id).toReversed())
  }, 60_000)

  test('needs answers and probabilities', async () => {
    const script = at('model.mjs')
    writeFileSync(script, "export default () => 'red'\n")
    const mute = await lever(beams('mute', '--backend', 'scripted', '--model', script))
    expect({ code: mute.code, stderr: mute.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('gives no probabilities of answers') as string,
    })
  })
})

describe('lever sft --beams', () => {
  test('learns from labels in the pool of the query and says what it knows', async () => {
    const { code, stdout } = await lever(sft('policy', 'whole/beams.json'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/phase +epoch +loss +uniform +reward +expected +first right +all right/)
    expect(stdout).toMatch(/loss of a policy that knows nothing 2\.441/) // (ln 12 + ln 11) / 2
    const trained = await json(...sft('policy', 'whole/beams.json'))
    const metrics = (trained['best'] as { metrics: Record<string, number> }).metrics
    expect(metrics['eval/first_accuracy']).toBeGreaterThanOrEqual(metrics['eval/sequence_accuracy']!)
    const inspected = await json('checkpoint', 'inspect', at('policy/checkpoints/best.safetensors'))
    expect(JSON.stringify(inspected)).toContain(file._meta.protocol.hash)
  }, 60_000)

  test('beams of the original need the pools of their sampler', async () => {
    const { _meta, ...queries } = file
    const entries = Object.entries(queries)
    const save = (name: string, value: unknown): void => writeFileSync(at(name), JSON.stringify(value))
    const bare = entries.map(([id, { id_list, score_list }]) => [id, { id_list, score_list }])
    const pools = Object.fromEntries(entries.map(([id, { candidate_pool_ids }]) => [id, candidate_pool_ids]))
    save('bare.json', Object.fromEntries(bare))
    save('pools.json', pools)
    const [id, { id_list }] = entries[4]!
    save('wrong.json', { ...pools, [id]: pools[id]!.map((one) => (one === id_list[0]![0] ? 1 : one)) })

    const without = await lever(sft('bare', 'bare.json'))
    expect(without.code).toBe(2)
    expect(without.stderr).toMatch(/30 queries have no pool.*--pool-file/)
    const wrong = await lever(sft('bare', 'bare.json', '--pool-file', at('wrong.json')))
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain(`the label ${id_list[0]![0]} is not in the pool of 12`)
    const trained = await json(...sft('bare', 'bare.json', '--pool-file', at('pools.json')))
    expect(trained).toMatchObject({ audit: { pointers: 24 * 3 } })
  }, 60_000)

  test('rce goes on from it', async () => {
    await json(
      ...['generate', '--dataset', at('world'), '--pool-size', '12', '--num-random', '6', '--workers', '1'],
      ...['--out', at('rl')],
    )
    const trained = await json(
      ...['train', '--rl-data', at('rl/rl-data.json'), '--embeddings', at('world.safetensors')],
      ...['--init', at('policy/checkpoints/best.safetensors'), '--rce-epochs', '1', '--out', at('rce')],
    )
    expect(trained).toMatchObject({ last: { phase: 'rce', epoch: 1 } })
  }, 60_000)
})
