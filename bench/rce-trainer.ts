import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { train } from '@lever/grpo-trainer'
import { createModel } from '@lever/pointer-model'
import type { PointerModel } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'
import { openPyTorch } from './peers/pytorch.ts'

/*
 * Five epochs of RCE on 800 queries with 16 pointers each, N = 64, D = 768, H = 256, one layer, dropout 0.5 and 0.1: the
 * whole training, as `lever train` does it and as the Python project before Lever does it (peers/rce_trainer.py), each in
 * a process of its own, one after the other. Memory is the largest resident set of the process.
 */

const SIZES = { N: 64, G: 16, K: 2, D: 768, hidden: 256, layers: 1 }
const RATES = { dropout: 0.5, attention_dropout: 0.1 }
const ROWS = 5000
/** Queries whose first loss, without dropout, is compared. */
const CHECKED = 32

interface Job {
  readonly folder: string
  readonly queries: number
  readonly epochs: number
  readonly batch: number
  readonly threads: number
}

interface Measured {
  /** Seconds. */
  readonly wall: number
  readonly cpu: number
  /** Mean loss of the first queries before training, at temperature 2. */
  readonly first: number
  /** Bytes. */
  readonly peak: number
}

export interface RceFigures {
  readonly who: string
  readonly threads: number
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly peakMiB: number
  /** Theirs over ours of the same number of threads: wall time, processor time, memory. */
  readonly ratios?: { readonly wall: number; readonly cpu: number; readonly memory: number }
  /** Difference of the first losses, relative. */
  readonly lossError?: number
  readonly load: number
}

/** Our training and the original's, with the same data and first weights. */
export async function run({
  queries = 800,
  epochs = 5,
  threads = [1],
}: { queries?: number; epochs?: number; threads?: readonly number[] } = {}): Promise<
  (RceFigures | string)[]
> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-rce-'))
  const figures: (RceFigures | string)[] = []
  try {
    const model = createModel({
      settings: { dim: SIZES.D, hidden: SIZES.hidden, layers: SIZES.layers },
      seed: 1,
    })
    await writeData(folder, model, queries)
    for (const count of threads) {
      const job = { folder, queries, epochs, threads: count }
      const ours = [await measureOurs({ ...job, batch: 1 }), await measureOurs({ ...job, batch: 8 })]
      const python = await openPyTorch('rce_trainer.py', count)
      const shapes = Array.from(model.parameters, ([name, { shape }]) => [name, shape])
      const theirs =
        typeof python === 'string'
          ? python
          : await python.ask<Measured>({
              ...{ do: 'train', folder, epochs, shapes, checked: CHECKED },
              ...SIZES,
              ...RATES,
            })
      if (typeof python !== 'string') await python.close()
      ours.forEach((measured, i) =>
        figures.push({
          ...rowOf(`lever, ${i === 0 ? 'a query' : '8 queries'} a step`, count, measured),
          ...(typeof theirs === 'string' ? {} : compare(measured, theirs)),
        }),
      )
      figures.push(
        typeof theirs === 'string'
          ? theirs
          : rowOf(`the original, PyTorch ${typeof python === 'string' ? '' : python.version}`, count, theirs),
      )
    }
    return figures
  } finally {
    await rm(folder, { recursive: true })
  }
}

function rowOf(who: string, threads: number, { wall, cpu, peak }: Measured): RceFigures {
  return {
    who,
    threads,
    wallSeconds: round(wall),
    cpuSeconds: round(cpu),
    peakMiB: Math.round(peak / 2 ** 20),
    load: round(loadavg()[0]!),
  }
}

function compare(ours: Measured, theirs: Measured): Pick<RceFigures, 'ratios' | 'lossError'> {
  return {
    ratios: {
      wall: round(theirs.wall / ours.wall),
      cpu: round(theirs.cpu / ours.cpu),
      memory: round(theirs.peak / ours.peak),
    },
    lossError: Math.abs(ours.first - theirs.first) / theirs.first,
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

async function measureOurs(job: Job): Promise<Measured> {
  const file = fileURLToPath(import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...process.execArgv,
    file,
    JSON.stringify(job),
  ])
  return JSON.parse(stdout) as Measured
}

/** In a process of its own: the training, from data in memory. */
async function trainOurs({ folder, queries, epochs, batch, threads }: Job): Promise<Measured> {
  const { model, groups, embeddings } = await readData(folder, queries)
  const phase = {
    ...{ objective: 'rce' as const, batchSize: batch, learningRate: 1e-4 },
    ...{ dropout: RATES.dropout, attentionDropout: RATES.attention_dropout },
  }
  let first = NaN
  const check = { groups: groups.slice(0, CHECKED), embeddings, validation: groups.slice(0, CHECKED) }
  const still = { ...phase, epochs: 1, options: { temperatureEnd: 2 } }
  for await (const event of train({ model, data: check, phases: [still] })) {
    if (event.type === 'validation' && event.epoch === 0) first = event.metrics['eval/loss']!
  }
  const started = performance.now()
  const before = process.cpuUsage()
  for await (const event of train({
    model,
    data: { groups, embeddings },
    phases: [{ ...phase, epochs }],
    threads,
  })) {
    if (event.type === 'step' && !Number.isFinite(event.metrics['loss'])) throw new Error('bench: no loss')
  }
  const { user, system } = process.cpuUsage(before)
  return {
    wall: (performance.now() - started) / 1000,
    cpu: (user + system) / 1e6,
    first,
    peak: process.resourceUsage().maxRSS * 1024,
  }
}

async function writeData(folder: string, model: PointerModel, queries: number): Promise<void> {
  const { N, G, K, D } = SIZES
  const random = createRandom(1, 'bench')
  const rows = Array.from({ length: ROWS }, (_, row) => row)
  const positions = Array.from({ length: N }, (_, n) => n)
  const lists = Array.from({ length: queries }, () => ({
    row: random.int(ROWS),
    pool: random.sample(rows, N),
    pointers: Array.from({ length: G }, () => random.sample(positions, K)).flat(),
    rewards: Array.from({ length: G }, () => random.normal()),
  }))
  const files = {
    embeddings: Float32Array.from({ length: ROWS * D }, () => random.normal() / Math.sqrt(D)),
    queries: Int32Array.from(lists, ({ row }) => row),
    pools: Int32Array.from(lists.flatMap(({ pool }) => pool)),
    pointers: Int32Array.from(lists.flatMap(({ pointers }) => pointers)),
    rewards: Float32Array.from(lists.flatMap(({ rewards }) => rewards)),
    weights: Float32Array.from(
      Array.from(model.parameters.values(), ({ values }) => Array.from(values)).flat(),
    ),
  }
  for (const [name, data] of Object.entries(files)) {
    await writeFile(join(folder, name), new Uint8Array(data.buffer))
  }
}

async function readData(
  folder: string,
  queries: number,
): Promise<{ model: PointerModel; groups: Group[]; embeddings: { data: Float32Array; dim: number } }> {
  const { N, G, K, D, hidden, layers } = SIZES
  const bytes = async (name: string): Promise<ArrayBuffer> =>
    new Uint8Array(await readFile(join(folder, name))).buffer
  const data = new Float32Array(await bytes('embeddings'))
  const pools = new Int32Array(await bytes('pools'))
  const pointers = new Int32Array(await bytes('pointers'))
  const rewards = new Float32Array(await bytes('rewards'))
  const rows = new Int32Array(await bytes('queries'))
  const groups = Array.from({ length: queries }, (_, q): Group => {
    const own = Float64Array.from(rewards.subarray(q * G, (q + 1) * G))
    const poolRows = pools.slice(q * N, (q + 1) * N)
    return {
      queryId: q,
      imageId: null,
      queryRow: rows[q]!,
      poolIds: Array.from(poolRows),
      poolRows,
      pointers: pointers.slice(q * G * K, (q + 1) * G * K),
      size: G,
      shots: K,
      rewards: own,
      rawRewards: own,
      logProbs: null,
      methods: Array.from(own, () => 'random'),
    }
  })
  const model = createModel({ settings: { dim: D, hidden, layers }, seed: 1 })
  return { model, groups, embeddings: { data, dim: D } }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , job] = process.argv
  if (job === undefined) console.table(await run())
  else process.stdout.write(JSON.stringify(await trainOurs(JSON.parse(job) as Job)))
}
