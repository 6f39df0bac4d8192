import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import {
  buildPools,
  measureRewards,
  proposePointers,
  type Example,
  type MeasureOptions,
  type MeasureStatistics,
} from '@lever/rl-generate'
import { measureByQueue, runQueueWorker } from '@lever/rl-generate/queue'
import { scoreAnswer } from '@lever/vqa-eval'
import { readDataset } from '@lever/vqa-dataset'
import { openVqaModel } from '@lever/vqa-model'

export interface GenerateFigures {
  /** Proposing, scheduling, scoring and journal with fsync every 32 lines, for a model that answers at once. */
  microsecondsPerOutcome: number
  /** The same with the proposals made before. */
  microsecondsWithoutProposing: number
  /** Bundled model: time of a run in which no call of the model was under way, as a share of the rest. */
  overheadOfModelTime: number
  modelOutcomesPerSecond: number
  /**
   * What a job of 64 prompts takes longer through Redis than without a queue, by the clock and in
   * processor time of submitter and worker together, the median of five rounds; null without redis-server.
   */
  queuePerJob: { milliseconds: number; cpuMilliseconds: number } | null
  lines: number
  fileMegabytes: number
  /** A fresh process on a complete journal: until the journal is open and counted. */
  openSeconds: number
  /** Until every pointer was proposed again and found in the journal. */
  resumeSeconds: number
  /** Processor time of that, which other programs on the machine change less. */
  resumeCpuSeconds: number
  resumeRssMegabytes: number
}

interface Resumed {
  open: number
  all: number
  cpu: number
  rss: number
  measured: number
}

const GROUP = 24

function examplesOf(count: number): Example[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    questionId: id,
    imageId: id,
    image: `/images/${id}.png`,
    question: 'What is the team of the object in the picture?',
    answers: ['red', 'red', 'red', 'blue', 'red', 'red', 'red', 'red', 'crimson', 'red'],
    answer: 'red',
  }))
}

/** Queries with pools of 64 out of 5,000 candidates; a model that answers at once. */
async function optionsOf(queries: number, journal: string, syncEvery: number): Promise<MeasureOptions> {
  const candidates = examplesOf(5000)
  const asked = examplesOf(queries)
  const { byQuery } = await buildPools({ queries: asked, candidates, size: 64, seed: 1 })
  return {
    queries: asked,
    candidates,
    async propose(batch) {
      const pools = batch.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id)! }))
      const groups = await proposePointers({ queries: pools, shots: 2, mix: [], size: GROUP, seed: 1 })
      return groups.map((proposals, i) => ({ poolIds: pools[i]!.poolIds, proposals }))
    },
    answer: (prompts) =>
      Promise.resolve(prompts.map(({ query }) => ({ text: query.id % 3 === 0 ? 'red' : 'green' }))),
    score: (text) => ({ accuracy: text === 'red' ? 1 : 0, mode: 'file' }),
    journal,
    meta: { protocol: { hash: 'bench' }, shot_num: 2, pool_size: 64 },
    syncEvery,
  }
}

async function finish(options: MeasureOptions): Promise<MeasureStatistics> {
  for await (const event of measureRewards(options)) if (event.type === 'done') return event.statistics
  throw new Error('bench: the run did not end')
}

/** Overhead of an outcome, and resuming a million of them. */
export async function run({ lines = 1_000_000 }: { lines?: number } = {}): Promise<GenerateFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-bench-'))
  try {
    const small = await optionsOf(600, join(folder, 'small.jsonl'), 32)
    const first = await finish(small)
    const plans = new Map<number, Awaited<ReturnType<MeasureOptions['propose']>>[number]>()
    for (const query of small.queries) {
      plans.set(query.id, (await small.propose([query], { round: 0, known: new Map() }))[0]!)
    }
    const ready: MeasureOptions['propose'] = (batch) => batch.map(({ id }) => plans.get(id)!)
    const second = await finish({ ...small, propose: ready, journal: join(folder, 'again.jsonl') })

    const queries = Math.ceil(lines / GROUP)
    const path = join(folder, 'large.jsonl')
    await finish(await optionsOf(queries, path, 10_000))
    const resumed = await resumeInFreshProcess(path, queries)
    if (resumed.measured !== 0) throw new Error('bench: lines were lost')
    return {
      microsecondsPerOutcome: (first.seconds / first.outcomes) * 1e6,
      microsecondsWithoutProposing: (second.seconds / second.outcomes) * 1e6,
      ...(await onBundledModel(join(folder, 'model.jsonl'))),
      queuePerJob: await throughQueue(folder),
      lines: queries * GROUP,
      fileMegabytes: (await stat(path)).size / 1e6,
      openSeconds: resumed.open,
      resumeSeconds: resumed.all,
      resumeCpuSeconds: resumed.cpu,
      resumeRssMegabytes: resumed.rss / 1e6,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const FIXTURES = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))

async function onBundledModel(
  journal: string,
): Promise<Pick<GenerateFigures, 'overheadOfModelTime' | 'modelOutcomesPerSecond'>> {
  const world = join(FIXTURES, 'world')
  const { examples } = await readDataset({
    questions: join(world, 'train', 'questions.json'),
    annotations: join(world, 'train', 'annotations.json'),
    images: join(world, 'images'),
  })
  const queries = examples.slice(0, 200)
  const { byQuery } = await buildPools({ queries, candidates: examples, size: 64, seed: 1 })
  const model = await openVqaModel({ backend: 'onnx', model: join(FIXTURES, 'model'), workers: 2 })
  let [inside, flying, since] = [0, 0, 0]
  const { outcomes, seconds } = await finish({
    queries,
    candidates: examples,
    async propose(batch) {
      const pools = batch.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id)! }))
      const groups = await proposePointers({ queries: pools, shots: 2, mix: [], size: GROUP, seed: 1 })
      return groups.map((proposals, i) => ({ poolIds: pools[i]!.poolIds, proposals }))
    },
    async answer(prompts) {
      if (flying === 0) since = performance.now()
      flying += 1
      const answers = await model.answer(
        prompts.map(({ demonstrations, query }) => ({
          demonstrations: demonstrations.map((one) => ({ ...one, image: one.image! })),
          query: { ...query, image: query.image! },
        })),
      )
      flying -= 1
      if (flying === 0) inside += (performance.now() - since) / 1000
      return answers
    },
    score: (text, { answers }) => ({ accuracy: scoreAnswer(text, answers).accuracy, mode: 'file' }),
    journal,
    meta: { protocol: { hash: model.protocolHash }, shot_num: 2 },
    batchSize: 1024,
    concurrency: 2,
    proposalBatch: 64,
  })
  await model.close()
  return { overheadOfModelTime: (seconds - inside) / inside, modelOutcomesPerSecond: outcomes / seconds }
}

async function throughQueue(folder: string): Promise<GenerateFigures['queuePerJob']> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null
  const port = 20_000 + (process.pid % 20_000)
  const flags = ['--port', String(port), '--dir', folder, '--appendonly', 'yes', '--save', '']
  const redis = spawn('redis-server', flags)
  await new Promise<void>((done) => {
    redis.stdout.on('data', (text: Buffer) => {
      if (text.toString().includes('Ready to accept connections')) done()
    })
  })
  const url = `redis://127.0.0.1:${port}`
  const worker = fork(fileURLToPath(import.meta.url), ['work', url])
  try {
    const options = await optionsOf(2400, '', 32)
    const rounds: NonNullable<GenerateFigures['queuePerJob']>[] = []
    for (let round = 0; round < 5; round++) rounds.push(await oneRound(folder, round, options, url, worker))
    const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[2]!
    return {
      milliseconds: median(rounds.map(({ milliseconds }) => milliseconds)),
      cpuMilliseconds: median(rounds.map(({ cpuMilliseconds }) => cpuMilliseconds)),
    }
  } finally {
    worker.kill('SIGKILL')
    redis.kill('SIGKILL')
  }
}

async function oneRound(
  folder: string,
  round: number,
  options: MeasureOptions,
  url: string,
  worker: ChildProcess,
): Promise<NonNullable<GenerateFigures['queuePerJob']>> {
  const size = { batchSize: 64, concurrency: 256 }
  const before = process.cpuUsage()
  const direct = await finish({ ...options, ...size, journal: join(folder, `direct-${round}.jsonl`) })
  const cpuDirect = cpuSince(before)
  const [start, workerBefore] = [process.cpuUsage(), await cpuOf(worker)]
  const journal = join(folder, `queued-${round}.jsonl`)
  const { queries, candidates, propose, meta, score } = options
  const asked = { queries, candidates, propose, meta, score, ...size, journal }
  for await (const event of measureByQueue({ ...asked, queue: { url } })) {
    if (event.type !== 'done') continue
    const { outcomes, seconds } = event.statistics
    const jobs = outcomes / size.batchSize
    const cpu = cpuSince(start) - cpuDirect + (await cpuOf(worker)) - workerBefore
    return { milliseconds: (1000 * (seconds - direct.seconds)) / jobs, cpuMilliseconds: cpu / jobs }
  }
  throw new Error('bench: the run did not end')
}

/** Milliseconds. */
function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu')
  return new Promise((done) => child.once('message', (cpu) => done(Number(cpu))))
}

async function work(url: string): Promise<void> {
  const start = process.cpuUsage()
  process.on('message', () => process.send?.(cpuSince(start)))
  await runQueueWorker({
    url,
    protocol: { hash: 'bench' },
    concurrency: 4,
    answer: (prompts) =>
      Promise.resolve(prompts.map(({ query }) => ({ text: query.id % 3 === 0 ? 'red' : 'green' }))),
  })
}

async function resumeInFreshProcess(path: string, queries: number): Promise<Resumed> {
  const child = fork(fileURLToPath(import.meta.url), ['resume', path, String(queries)])
  return new Promise((done, fail) => {
    child.on('message', (message) => done(message as Resumed))
    child.on('error', fail)
    child.on('exit', (code) =>
      fail(new Error(`bench: the resuming process ended with ${code ?? 'a signal'}`)),
    )
  })
}

async function resume(path: string, queries: number): Promise<Resumed> {
  const options = await optionsOf(queries, path, 32)
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  const result = { open: 0, all: 0, cpu: 0, rss: 0, measured: 0 }
  for await (const event of measureRewards(options)) {
    const seconds = (performance.now() - start) / 1000
    if (event.type === 'start') result.open = seconds
    if (event.type !== 'done') continue
    const { user, system } = process.cpuUsage(cpu)
    result.all = seconds
    result.cpu = (user + system) / 1e6
    result.measured = event.statistics.measured
  }
  return { ...result, rss: process.resourceUsage().maxRSS * 1024 }
}

const [, script, job, path = '', queries] = process.argv
if (script === fileURLToPath(import.meta.url)) {
  if (job === 'resume') process.send?.(await resume(path, Number(queries)))
  else if (job === 'work') await work(path)
  else console.log(await run(process.env['LINES'] ? { lines: Number(process.env['LINES']) } : {}))
}
