import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test as plainTest } from '@jest/globals'
import { parse } from 'yaml'
import { optionsOf } from '../src/command.ts'
import { COMMANDS } from '../src/commands/index.ts'
import { flagOf } from '@lever/settings'
import type { RunOptions } from './support/lever.ts'
import { lever, scratch } from './support/lever.ts'
import { hasRedis, redisTest as test, startRedis } from './support/redis.ts'
import { directWorld, smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 12)
const OUTCOMES = 12 * 6
let redis: Awaited<ReturnType<typeof startRedis>>
beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => (hasRedis ? redis.stop() : undefined))

/** A scripted model that needs so many milliseconds for an answer; another text is another protocol. */
function model(name: string, milliseconds: number): string[] {
  const script = join(root, `${name}.mjs`)
  const answer = `({ query }) => new Promise((resolve) => setTimeout(resolve, ${milliseconds}, query.id % 2 ? 'red' : 'blue'))`
  writeFileSync(script, `export default ${answer}\n`)
  return ['--backend', 'scripted', '--model', script]
}

const generate = (out: string, ...more: string[]): string[] => [
  ...['generate', '--dataset', folder, '--pool-size', '6', '--out', join(root, out)],
  ...more,
]
const data = (out: string): string => readFileSync(join(root, out, 'rl-data.json'), 'utf8')
const worker = (...more: string[]): string[] => ['worker', '--queue', redis.url, ...more]

/** Ctrl-C for workers once `run` is over. */
function untilOver(run: Promise<unknown>): { kill: NonNullable<RunOptions['kill']> } {
  let over = false
  void run.finally(() => (over = true))
  return { kill: [{ signal: 'SIGINT', when: () => over }] }
}

const eventsOf = (stderr: string): Record<string, unknown>[] =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('workers of a queue measure what one machine measures; events on stderr, one result on stdout', async () => {
  const fast = model('fast', 2)
  const plain = await lever(generate('plain', ...fast, '--json', '--quiet'))
  expect(plain).toMatchObject({ code: 0, stderr: '' })
  const queue = ['--queue', redis.url, '--job-size', '6']
  const running = lever(generate('queued', ...fast, ...queue, '--json'))
  const workers = [1, 2].map(() => lever(worker(...fast, '--json'), untilOver(running)))
  const run = await running
  expect(run.code).toBe(0)
  expect(data('queued')).toBe(data('plain'))
  const events = eventsOf(run.stderr)
  expect(events[0]).toMatchObject({ event: 'start', queries: 12, resumed: 0, adopted: 0 })
  const last = { event: 'progress', queriesDone: 12, outcomes: OUTCOMES, secondsLeft: 0 }
  expect(events.at(-1)).toMatchObject(last)
  expect(JSON.parse(run.stdout)).toMatchObject({ statistics: { outcomes: OUTCOMES, disagreements: 0 } })
  let prompts = 0
  for (const { code, stderr } of await Promise.all(workers)) {
    expect(code).toBe(130)
    prompts += Number(eventsOf(stderr).at(-1)?.['prompts'] ?? 0)
  }
  expect(prompts).toBe(OUTCOMES)
})

test('another model is refused with exit code 2; Ctrl-C of either end saves, with 130', async () => {
  const slow = model('slow', 40)
  const queue = ['--queue', redis.url, '--job-size', '3']
  const args = generate('stopped', ...slow, ...queue, '--json')
  const measuredSome = (stderr: string): boolean => /"outcomes":(?!0,)/.test(stderr)
  const first = lever(args, { kill: [{ signal: 'SIGINT', when: measuredSome }] })
  const foreign = await lever(worker(...model('other', 1)))
  expect(foreign).toMatchObject({ code: 2, stdout: '' })
  expect(foreign.stderr).toMatch(
    /are for another protocol than that of this worker \(here\): files\.script: "/,
  )
  const stopped = await lever(worker(...slow, '--json'), {
    kill: [{ signal: 'SIGINT', when: (stderr) => stderr.includes('"jobs":2') }],
  })
  expect(stopped.code).toBe(130)
  const second = first.then(() => lever([...args, '--quiet']))
  const other = lever(worker(...slow), untilOver(second))
  expect(await first).toMatchObject({ code: 130, stdout: '' })
  const { code, stdout } = await second
  expect(code).toBe(0)
  const { statistics } = JSON.parse(stdout) as { statistics: Record<string, number> }
  expect(statistics).toMatchObject({ outcomes: OUTCOMES, repeated: 0 })
  expect(statistics['resumed']).toBeGreaterThan(0)
  expect((await other).code).toBe(130)
})

test('an image that this machine does not have is looked for in --images', async () => {
  const fast = model('images', 1)
  const moved = smallWorld(join(root, 'moved'), 'train', 12)
  const far = lever(generate('far', ...fast, '--queue', redis.url, '--queue-name', 'far', '--quiet'))
  const here = ['--queue-name', 'far', '--images', join(moved.folder, 'images')]
  const helper = lever(worker(...fast, ...here), untilOver(far))
  expect((await far).code).toBe(0)
  expect((await helper).code).toBe(130)
})

test('a worker ends when it had no job for --idle-seconds', async () => {
  const idle = await lever(worker(...model('idle', 1), '--queue-name', 'idle', '--idle-seconds', '0.3'))
  expect(idle).toMatchObject({ code: 0, stdout: '0 jobs, 0 prompts\n' })
  expect(idle.stderr).toMatch(
    new RegExp(`^protocol [0-9a-f]{12}, waiting for jobs of ${redis.url.replaceAll('.', '\\.')}$`, 'm'),
  )
})

plainTest('a worker that finds no queue does not say that it waits', async () => {
  const { code, stderr } = await lever(['worker', '--queue', 'redis://127.0.0.1:1', ...model('far', 1)])
  expect(code).toBe(2)
  expect(stderr).toContain('does not answer (ECONNREFUSED)')
  expect(stderr).not.toContain('waiting for jobs')
})

test('the submitter needs no model that runs: what a worker answers is the same, A-OKVQA included', async () => {
  const own = directWorld(join(root, 'direct'), 'train', 8)
  const size = ['--pool-size', '4', '--num-random', '3', '--json', '--quiet']
  const args = (out: string): string[] => ['generate', '--dataset', own, ...size, '--out', join(root, out)]
  const alone = await lever([...args('own'), '--workers', '1'])
  expect(alone).toMatchObject({ code: 0, stderr: '' })
  const queued = lever([...args('own-queued'), '--queue', redis.url, '--queue-name', 'own'])
  const helper = lever(worker('--queue-name', 'own'), untilOver(queued))
  expect(await queued).toMatchObject({ code: 0, stderr: '' })
  expect((await helper).code).toBe(130)
  expect(data('own-queued')).toBe(data('own'))
  const metricIn = (text: string): unknown =>
    (JSON.parse(text) as { _meta: { protocol: { metric: string } } })._meta.protocol.metric
  expect(metricIn(data('own'))).toBe('aokvqa')
  expect(metricIn(data('plain'))).toBe('vqa-loo')
})

plainTest.each([
  [['--workers', '0'], '--workers is 0; give a whole number from 1'],
  [['--seed', '-1'], '--seed is -1; give a whole number from 0'],
  [['--device', 'cpu,'], 'the device is "cpu,"; give one, or several as a,b'],
  [
    ['--queue', 'redis://:key@127.0.0.1:1'],
    'the queue at redis://127.0.0.1:1 does not answer (ECONNREFUSED)',
  ],
])('generate %p is refused', async (flags, message) => {
  const ran = await lever(generate('refused', ...flags))
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 2, stdout: '' })
  expect(ran.stderr).toContain(message)
})

plainTest.each([
  'cluster.md',
  'examples/slurm-array.sh',
  'examples/slurm-workers.sh',
  'examples/kubernetes-indexed-job.yaml',
])('docs/%s names commands and options that there are', async (name) => {
  const text = readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
  if (name.endsWith('.yaml')) expect(parse(text)).toMatchObject({ kind: 'Job', spec: { completions: 16 } })
  const joined = text
    .replaceAll(/\\\n\s*/g, ' ')
    .replaceAll(/>-\n\s+([^]*?)(?=\n {10}\w)/g, (all) => all.replaceAll(/\n\s+/g, ' '))
  const commands = Array.from(joined.matchAll(/npx lever (data \w+|\w+)([^\n"`]*)/g))
  expect(commands.length).toBeGreaterThan(0)
  for (const [, command, flags] of commands) {
    const options = Object.keys(await optionsOf(await COMMANDS[command!]!.load())).map(flagOf)
    for (const [, flag] of flags!.matchAll(/ --([a-z-]+)/g)) expect([...options, 'json']).toContain(flag)
  }
})

plainTest('copies of the model on several devices share the calls and change nothing', async () => {
  const flags = ['--batch-size', '16', '--workers', '1', '--json', '--quiet']
  await lever(generate('one', ...flags))
  const { code } = await lever(generate('two', ...flags, '--device', 'cpu,cpu'))
  expect(code).toBe(0)
  expect(data('two')).toBe(data('one'))
})
