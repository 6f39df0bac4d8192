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

interface Beams {
  candidate_pool_ids: number[]
  id_list: number[][]
  score_list: number[]
}

/** The queries of a beam file, by id. */
const queriesOf = (name: string): [string, Beams][] =>
  Object.entries(JSON.parse(read(name)) as Record<string, Beams>).filter(([key]) => key !== '_meta')

let queries: [string, Beams][]
let meta: { protocol: { hash: string } }
beforeAll(async () => {
  smallWorld(at('world'), 'train', 20)
  await json('embed', '--dataset', at('world'), '--out', at('world.safetensors'))
  const grown = await json(...beams('whole'))
  expect(grown).toMatchObject({
    beams: at('whole/beams.json'),
    statistics: { anchors: 20, prompts: 20 * (1 + 12 + 3 * 11), failed: 0 },
  })
  queries = queriesOf('whole/beams.json')
  meta = (JSON.parse(read('whole/beams.json')) as { _meta: typeof meta })._meta
}, 120_000)

describe('lever beams', () => {
  test('writes beams of the original form, every label in the pool of its query', () => {
    expect(meta).toMatchObject({ schema: 'lever-beams', shot_num: 2, pool_size: 12 })
    for (const [id, { id_list, score_list, candidate_pool_ids }] of queries) {
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
    const far = (): boolean => existsSync(journal) && readFileSync(journal, 'utf8').split('\n').length > 200
    const killed = await lever(beams('killed'), { kill: [{ signal: 'SIGKILL', when: far }] })
    expect(killed.signal).toBe('SIGKILL')
    expect(existsSync(at('killed/beams.json'))).toBe(false)
    const { statistics } = (await json(...beams('killed'))) as { statistics: { resumed: number } }
    expect(statistics.resumed).toBeGreaterThanOrEqual(190)
    expect(read('killed/beams.json')).toBe(read('whole/beams.json'))
    const sorted = (name: string): string => read(name).split('\n').sort().join('\n')
    expect(sorted('killed/beams.jsonl')).toBe(sorted('whole/beams.jsonl'))
  }, 60_000)

  test('in shards gives the beams of the run without shards; the parts merge', async () => {
    for (const index of ['0', '1']) await json(...beams(`part-${index}`, '--shard', `${index}/2`))
    const parts = ['part-0/beams.json', 'part-1/beams.json']
    expect(Object.fromEntries(parts.flatMap(queriesOf))).toEqual(Object.fromEntries(queries))
    await json('data', 'merge', ...parts.map(at), '--out', at('merged.json'))
    expect(queriesOf('merged.json')).toHaveLength(20)
  }, 60_000)

  test('on several devices gives the same bytes', async () => {
    await json(...beams('devices', '--device', 'cpu, cpu', '--queries', '20'))
    expect(read('devices/beams.json')).toBe(read('whole/beams.json'))
  }, 60_000)

  test('needs answers and probabilities', async () => {
    const script = at('model.mjs')
    writeFileSync(script, "export default () => 'red'\n")
    const mute = await lever(
      beams('mute', '--backend', 'scripted', '--model', script).filter(
        (arg) => arg !== '--workers' && arg !== '1',
      ),
    )
    expect(mute.code).toBe(2)
    expect(mute.stderr).toContain('gives no probabilities of answers')
  })
})

describe('lever sft --beams', () => {
  test('learns from labels in the pool of the query and says what it knows', async () => {
    const { code, stdout } = await lever(sft('policy', 'whole/beams.json'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/phase +epoch +loss +uniform +reward +expected +ranked +first right +all right/)
    expect(stdout).toMatch(/loss of a policy that knows nothing 2\.441/) // (ln 12 + ln 11) / 2
    await json('report', at('policy'))
    expect(read('policy/report.html')).toContain('Training')
    const { best } = JSON.parse(read('policy/manifest.json')) as { best: { metrics: Record<string, number> } }
    const { metrics } = best
    expect(metrics['eval/first_accuracy']).toBeGreaterThanOrEqual(metrics['eval/sequence_accuracy']!)
    expect(read('policy/checkpoints/best.safetensors')).toContain(meta.protocol.hash)
  }, 60_000)

  test('beams of the original need the pools of their sampler', async () => {
    const save = (name: string, value: unknown): void => writeFileSync(at(name), JSON.stringify(value))
    const bare = queries.map(([id, { id_list, score_list }]) => [id, { id_list, score_list }])
    const pools = Object.fromEntries(queries.map(([id, { candidate_pool_ids }]) => [id, candidate_pool_ids]))
    save('bare.json', Object.fromEntries(bare))
    save('pools.json', pools)
    const [id, { id_list }] = queries[4]!
    save('wrong.json', { ...pools, [id]: pools[id]!.map((one) => (one === id_list[0]![0] ? 1 : one)) })

    const without = await lever(sft('bare', 'bare.json'))
    expect(without.code).toBe(2)
    expect(without.stderr).toMatch(/20 queries have no pool.*--pool-file/)
    const wrong = await lever(sft('bare', 'bare.json', '--pool-file', at('wrong.json')))
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain(`the label ${id_list[0]![0]} is not in the pool of 12`)
    const trained = await json(...sft('bare', 'bare.json', '--pool-file', at('pools.json')))
    expect(trained).toMatchObject({ audit: { pointers: 16 * 3 } })
  }, 60_000)

  test('lever train says that they are for lever sft, unless the InfoScore is to be the reward', async () => {
    const train = (out: string, ...more: string[]): Promise<unknown> =>
      lever([
        ...['train', '--rl-data', at('whole/beams.json'), '--embeddings', at('world.safetensors')],
        ...['--rce-epochs', '1', '--hidden', '16', '--out', at(out), ...more],
      ])
    const refusal = /beams\.json is a file of InfoScore beams, .* imitate them with lever sft/
    for (const more of [[], ['--missing-zero'], ['--reward-mode', 'soft_only']]) {
      expect(await train('refused', ...more)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(refusal) as unknown,
      })
    }
    expect(await train('legacy', '--reward-mode', 'legacy', '--reward-alpha', '1')).toMatchObject({ code: 0 })
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
