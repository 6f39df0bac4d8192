import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { killServers, startServer } from '../../../packages/vqa-model/test/support/openai-server.ts'
import type { Ran, RunOptions } from './support/lever.ts'
import { lever as run, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const KEY = 'sk-never-to-be-written'
const lever = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  run(args, { ...options, env: { LEVER_API_KEY: KEY } })

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 10)
let clean: string

/** `generate` for ten questions with four pointers each. */
function generate(baseUrl: string, out: string, ...more: string[]): string[] {
  const model = ['--backend', 'openai', '--base-url', baseUrl, '--model', 'toy-vlm']
  const size = ['--pool-size', '6', '--num-random', '4', '--shots', '2']
  return ['generate', '--dataset', folder, ...size, ...model, '--out', join(root, out), ...more]
}

const journal = (out: string): string => join(root, out, 'rl-data.jsonl')
const rlData = (out: string): string => readFileSync(join(root, out, 'rl-data.json'), 'utf8')
const outcomes = (out: string): number =>
  existsSync(journal(out)) ? (readFileSync(journal(out), 'utf8').match(/"gen_method"/g) ?? []).length : 0

beforeAll(async () => {
  const server = await startServer({ key: KEY })
  const { code, stderr } = await lever(generate(server.baseUrl, 'clean', '--quiet'))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  clean = rlData('clean')
})
afterAll(killServers)

test('killed with its server, continued at another address: the bytes of a run without trouble', async () => {
  const faults = ['429', '500', 'truncated', '503', 'reset']
  const first = await startServer({ key: KEY, faults, delay: 60 })
  const killed = await lever(generate(first.baseUrl, 'killed', '--concurrency', '2'), {
    kill: [{ signal: 'SIGKILL', when: () => outcomes('killed') >= 8 }],
  })
  expect(killed.signal).toBe('SIGKILL')
  await first.kill()
  const before = readFileSync(journal('killed'), 'utf8').trimEnd().split('\n')
  const second = await startServer({ key: KEY, faults })
  const { code, stdout } = await lever(generate(second.baseUrl, 'killed', '--json'))
  expect(code).toBe(0)
  const { statistics } = JSON.parse(stdout) as { statistics: { outcomes: number; resumed: number } }
  expect(statistics.outcomes).toBe(40)
  expect(statistics.resumed).toBeGreaterThanOrEqual(8)
  expect(rlData('killed')).toBe(clean)
  const lines = readFileSync(journal('killed'), 'utf8').trimEnd().split('\n')
  expect(lines.slice(0, before.length - 1)).toEqual(before.slice(0, -1))
  expect(new Set(lines).size).toBe(lines.length)
  expect((await second.seen()).requests).toBeLessThan(2 * 40 + 60)
})

test('the server is killed and started again below a run', async () => {
  const first = await startServer({ key: KEY, delay: 60 })
  let restarted: Promise<unknown> | undefined
  const { code, stderr } = await lever(generate(first.baseUrl, 'restarted', '--concurrency', '2'), {
    kill: [
      {
        signal: 'SIGCONT',
        when() {
          if (outcomes('restarted') < 8) return false
          restarted = first.kill().then(() => startServer({ key: KEY, port: first.port }))
          return true
        },
      },
    ],
  })
  await restarted
  expect(code).toBe(0)
  expect(stderr).toContain(`${first.baseUrl} does not answer`)
  expect(stderr).toContain(`${first.baseUrl} answers again`)
  expect(rlData('restarted')).toBe(clean)
})

test('the key is in no file; the protocol names server, version and model', () => {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      expect(readFileSync(join(entry.parentPath, entry.name), 'utf8').includes(KEY)).toBe(false)
    }
  }
  const { _meta: meta } = JSON.parse(clean) as { _meta: { vqa_model: string; protocol: object } }
  expect(meta).toMatchObject({
    vqa_model: 'toy-vlm',
    protocol: {
      backend: 'openai',
      template: 'lever-plus',
      server: {
        facts: { server: 'vllm', version: '0.11.0', root: '/models/toy-vlm' },
        request: { temperature: 0, seed: 0, max_tokens: 5, repetition_penalty: 1 },
      },
    },
  })
})

test('generate --gt-prob --rel-score, and evaluate', async () => {
  const { baseUrl } = await startServer({ key: KEY })
  const { code } = await lever(generate(baseUrl, 'scored', '--gt-prob', '--rel-score', '--queries', '2'))
  expect(code).toBe(0)
  const { _meta: meta, ...queries } = JSON.parse(rlData('scored')) as Record<
    string,
    { pointer_candidates: Record<string, number>[] }
  >
  expect(meta).toMatchObject({ generator: { gt_prob: true, rel_score: true } })
  for (const { pointer_candidates: candidates } of Object.values(queries)) {
    for (const { vqa_gt_prob: probability, vqa_rel_score: likeness } of candidates) {
      expect(probability).toBeGreaterThan(0)
      expect(probability).toBeLessThan(1)
      expect(likeness).toBeGreaterThanOrEqual(0)
    }
  }
  const evaluated = await lever([
    ...['evaluate', '--dataset', folder, '--pool-size', '6', '--shots', '0,1', '--seeds', '1', '--json'],
    ...['--selectors', 'zero-shot', 'random', '--resamples', '100', '--out', join(root, 'evaluated')],
    ...['--backend', 'openai', '--base-url', baseUrl, '--concurrency', '4', '--timeout', '30'],
  ])
  expect({ code: evaluated.code, stderr: evaluated.stderr.includes(KEY) }).toEqual({ code: 0, stderr: false })
})

describe('refused in one sentence', () => {
  const refused = async (args: readonly string[]): Promise<string> => {
    const { code, stderr }: Ran = await lever([...args, '--quiet'])
    expect(code).toBe(2)
    return stderr
      .split('\n')
      .filter((line) => !line.startsWith('warning: '))
      .join('\n')
  }

  test('servers that are not there, keep to themselves, or are others', async () => {
    const server = await startServer({ key: 'another' })
    expect(await refused(generate(server.baseUrl, 'r1'))).toMatch(/401 Unauthorized.*LEVER_API_KEY/)
    await server.kill()
    expect(await refused(generate(server.baseUrl, 'r1'))).toMatch(
      /no server answers .*ECONNREFUSED.*start it/,
    )
    const { baseUrl } = await startServer({ key: KEY, version: '0.12.0' })
    expect(await refused(generate(baseUrl, 'clean'))).toMatch(/belongs to another configuration.*version/)
    expect(existsSync(join(root, 'r1'))).toBe(false)
  })

  test('options', async () => {
    const { baseUrl } = await startServer({ key: KEY, scoring: false })
    const base = generate(baseUrl, 'r2')
    expect(
      await refused([
        'generate',
        '--dataset',
        folder,
        '--pool-size',
        '6',
        '--backend',
        'openai',
        '--out',
        'r2',
      ]),
    ).toContain('there is no base URL; give --base-url')
    expect(await refused([...base, '--extra-body', '[1]'])).toContain(
      '--extra-body is "[1]"; give a JSON object',
    )
    expect(await refused([...base, '--decoding-beams', '3'])).toContain('servers answer greedily')
    expect(await refused([...base, '--max-pixels', '1000'])).toContain('mm_processor_kwargs')
    expect(await refused([...base, '--timeout', '301'])).toContain('from 0.1 to 300')
    expect(await refused([...base, '--gt-prob'])).toContain('cannot score given answers')
  })
})
