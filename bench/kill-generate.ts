import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRandom, type Random } from '@lever/reward-utils'

/*
 * Kills `lever generate` with SIGKILL at random moments, runs the same command again until it is
 * done, and compares the data byte by byte with those of a run that nobody disturbed:
 *
 *   npx tsx bench/kill-generate.ts [KILLS] [SEED]        (14 kills over the ways below if not said)
 */
export interface KillFigures {
  seconds: number
  /** Way -> kills, and runs that were finished and compared. */
  ways: Record<string, { kills: number; compared: number }>
  /** What was killed in the ways with a queue. */
  queueKills: Record<string, number>
  different: number
  /** Outcomes that a later start did not find although the process had said that it had them. */
  lost: number
}

const BIN = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const WORLD = fileURLToPath(new URL('../fixtures/shapes-vqa/world/train', import.meta.url))
const QUESTIONS = ['--dataset', WORLD, '--queries', '120', '--group-size', '12', '--pool-size', '16']

interface Way {
  readonly name: string
  /** Runs once, is killed once at a random moment if `kill`; true when the data are complete. */
  readonly attempt: (out: string, kill: boolean) => Promise<boolean>
  readonly close?: () => void
}

class Lever {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  /** Outcomes that the process has said it has. */
  said = 0
  resumed = 0
  /** What is not an event. */
  complaint = ''
  private text = ''

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [BIN, ...args, '--json'], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.child.stderr!.on('data', (part: Buffer) => this.read(part.toString()))
    this.ended = new Promise((done) => this.child.once('close', (code) => done(code)))
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  private read(part: string): void {
    this.text += part
    const lines = this.text.split('\n')
    this.text = lines.pop()!
    for (const line of lines) {
      if (!line.startsWith('{')) {
        this.complaint += `${line}\n`
        continue
      }
      const event = JSON.parse(line) as { event: string; resumed?: number; outcomes?: number }
      if (event.event === 'start') this.resumed = this.said = event.resumed!
      if (event.event === 'progress') this.said = event.outcomes!
    }
  }
}

interface Tools {
  readonly random: Random
  readonly lost: { count: number }
  readonly said: Map<string, number>
}

/** Runs to the end, or is killed after a random time. True when it ended well. */
async function runOnce(
  tools: Tools,
  args: readonly string[],
  out: string,
  killAfter: number,
): Promise<boolean> {
  const lever = new Lever([...args, '--out', out])
  const timer = Number.isFinite(killAfter) ? setTimeout(() => lever.kill(), killAfter) : undefined
  const code = await lever.ended
  clearTimeout(timer)
  const before = tools.said.get(out) ?? 0
  if (lever.said > 0 && lever.resumed < before) tools.lost.count += before - lever.resumed
  tools.said.set(out, Math.max(before, lever.said))
  if (code !== null && code !== 0) throw new Error(`bench: lever ended with ${code}: ${lever.complaint}`)
  return code === 0
}

/** A kill at a random moment of a run that takes about `whole` milliseconds. */
const moment = (random: Random, whole: number): number => whole * (0.15 + 0.85 * random.next())

function plainWay(tools: Tools, workers: number, whole: number): Way {
  const args = ['generate', ...QUESTIONS, '--workers', String(workers), '--batch-size', '48']
  return {
    name: `--workers ${workers}`,
    attempt: (out, kill) => runOnce(tools, args, out, kill ? moment(tools.random, whole) : Infinity),
  }
}

function shardWay(tools: Tools, count: number, whole: number): Way {
  return {
    name: `${count} shard${count > 1 ? 's' : ''}`,
    async attempt(out, kill) {
      mkdirSync(out, { recursive: true })
      const victim = kill ? tools.random.int(count) : -1
      const paths: string[] = []
      let complete = true
      for (let i = 0; i < count; i++) {
        const folder = join(out, `shard-${i}`)
        const shard = ['--shard', `${i}/${count}`, '--workers', '1', '--batch-size', '48']
        const after = i === victim ? moment(tools.random, 1_000 + whole / count) : Infinity
        complete = (await runOnce(tools, ['generate', ...QUESTIONS, ...shard], folder, after)) && complete
        paths.push(join(folder, 'rl-data.jsonl'))
      }
      if (!complete) return false
      const merged = join(out, 'rl-data.json')
      if (!existsSync(merged)) lever('data', 'merge', ...paths, '--out', merged)
      return true
    },
  }
}

function queueWay(tools: Tools, redis: Redis, counts: Record<string, number>): Way {
  const flags = ['--queue', redis.url]
  const worker = (): Lever => new Lever(['worker', ...flags, '--lock-seconds', '1'])
  let workers = [worker(), worker()]
  const kills: (readonly [string, (submitter: Lever) => Promise<void>])[] = [
    [
      'submitter',
      (submitter) => {
        submitter.kill()
        return Promise.resolve()
      },
    ],
    [
      'worker',
      async () => {
        workers[0]!.kill()
        await workers[0]!.ended
        workers = [workers[1]!, worker()]
      },
    ],
    [
      'Redis',
      async () => {
        await redis.kill()
        await redis.start()
      },
    ],
  ]
  return {
    name: 'queue, 2 workers',
    async attempt(out, kill) {
      const submitter = new Lever(['generate', ...QUESTIONS, ...flags, '--job-size', '12', '--out', out])
      if (kill) {
        await sleep(1_000 + 4_000 * tools.random.next())
        const [name, act] = kills[tools.random.int(kills.length)]!
        counts[name] = (counts[name] ?? 0) + 1
        await act(submitter)
        if (name !== 'submitter' && tools.random.int(2) === 0) submitter.kill()
      }
      const code = await submitter.ended
      const before = tools.said.get(out) ?? 0
      if (submitter.said > 0 && submitter.resumed < before) tools.lost.count += before - submitter.resumed
      tools.said.set(out, Math.max(before, submitter.said))
      if (code !== null && code !== 0)
        throw new Error(`bench: lever ended with ${code}: ${submitter.complaint}`)
      return code === 0
    },
    close: () => workers.forEach((one) => one.kill()),
  }
}

interface Redis {
  readonly url: string
  kill(): Promise<void>
  start(): Promise<void>
}

async function startRedis(dir: string): Promise<Redis> {
  const port = await new Promise<number>((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => done(port))
    })
  })
  const flags = { port, bind: '127.0.0.1', dir, appendonly: 'yes', appendfsync: 'always', save: '' }
  let server: ChildProcess
  const start = async (): Promise<void> => {
    server = spawn(
      'redis-server',
      Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]),
    )
    await new Promise<void>((done) => {
      server.stdout!.on('data', (text: Buffer) => {
        if (text.toString().includes('Ready to accept connections')) done()
      })
    })
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    async kill() {
      const ended = new Promise((done) => server.once('exit', done))
      server.kill('SIGKILL')
      await ended
    },
  }
}

function lever(...args: string[]): void {
  const ran = spawnSync(process.execPath, [BIN, ...args, '--quiet'])
  if (ran.status !== 0)
    throw new Error(`bench: lever ${args[0]!} ended with ${ran.status}: ${ran.stderr.toString()}`)
}

/** What must be equal, whatever happened on the way. */
function bytes(out: string): string {
  return readFileSync(join(out, 'rl-data.json'), 'utf8')
}

export async function run({
  kills = 14,
  seed = 1,
}: { kills?: number; seed?: number } = {}): Promise<KillFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-kill-'))
  const tools: Tools = { random: createRandom(seed, 'kills'), lost: { count: 0 }, said: new Map() }
  const started = performance.now()
  const reference = join(folder, 'reference')
  await plainWay(tools, 1, 0).attempt(reference, false)
  const whole = performance.now() - started
  const expected = bytes(reference)
  const redis = await startRedis(folder)
  const queueKills: Record<string, number> = {}
  const queue = queueWay(tools, redis, queueKills)
  const ways = [
    ...[1, 2, 4].map((workers) => plainWay(tools, workers, whole)),
    ...[1, 7].map((count) => shardWay(tools, count, whole)),
    queue,
    queue,
  ]
  const figures: KillFigures = { seconds: 0, ways: {}, queueKills, different: 0, lost: 0 }
  const outs = new Map<number, string>()
  const finish = async (at: number): Promise<void> => {
    const out = outs.get(at)
    if (out === undefined) return
    outs.delete(at)
    while (!(await ways[at]!.attempt(out, false)));
    figures.ways[ways[at]!.name]!.compared += 1
    if (bytes(out) !== expected) figures.different += 1
  }
  try {
    for (let kill = 0; kill < kills; kill++) {
      const at = kill % ways.length
      const way = ways[at]!
      const counts = (figures.ways[way.name] ??= { kills: 0, compared: 0 })
      if (!outs.has(at)) outs.set(at, join(folder, `out-${kill}`))
      const complete = await way.attempt(outs.get(at)!, true)
      counts.kills += 1
      if (complete || tools.random.int(3) === 0) await finish(at)
      process.stderr.write(
        `bench: ${kill + 1}/${kills} kills, ${figures.different} different, ${tools.lost.count} lost\n`,
      )
    }
    for (const at of [...outs.keys()]) await finish(at)
    return { ...figures, lost: tools.lost.count, seconds: Math.round((performance.now() - started) / 1000) }
  } finally {
    for (const { close } of ways) close?.()
    await redis.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

const [, script, kills, seed] = process.argv
if (script === fileURLToPath(import.meta.url)) {
  console.log(await run({ ...(kills && { kills: Number(kills) }), ...(seed && { seed: Number(seed) }) }))
}
