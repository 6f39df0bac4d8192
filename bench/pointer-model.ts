import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { ARCHITECTURE_NAMES, createModel, openPolicy } from '@lever/pointer-model'
import type { Policy, PolicyInput } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { openPyTorch } from './peers/pytorch.ts'
import type { PyTorch } from './peers/pytorch.ts'

export interface DecodingFigures {
  architecture: string
  what: string
  threads: number
  /** Medians over rounds: wall time and processor time. */
  millisecondsPerQuery: number
  cpuMillisecondsPerQuery: number
}

export interface BeamFigures {
  /** How the Python loop does it; `peers/pointer_beam.py` describes both. */
  peer: string
  threads: number
  /** Milliseconds a query. */
  ours: number
  theirs: number
  /** Theirs over ours in slices one after the other: median, smallest and largest. */
  ratio: string
  cpuRatio: string
  /** Queries whose best pointer is the same, of those compared; of `encoded once` only. */
  same?: string
}

export interface DecodingOptions {
  queries?: number
  rounds?: number
  threads?: readonly number[]
}

const [ROWS, D, N, H, K, WIDTH] = [2000, 768, 64, 256, 4, 5]

/**
 * Decoding for 1,000 queries with pools of 64 (D=768, H=256): every architecture, and beam search of width 5
 * for 4 shots beside a loop in Python with PyTorch.
 */
export async function run({ queries = 1000, rounds = 5, threads = [1, 2] }: DecodingOptions = {}): Promise<{
  load: number
  decoding: DecodingFigures[]
  beams: BeamFigures[]
}> {
  const load = loadavg()[0]!
  const { input, embeddings } = randomInput(queries)
  const beams: BeamFigures[] = []
  for (const count of threads) beams.push(...(await compareBeams(input, embeddings, count, rounds)))
  const decoding: DecodingFigures[] = []
  for (const architecture of ARCHITECTURE_NAMES) {
    for (const count of threads) decoding.push(...(await decode(architecture, input, count, rounds)))
  }
  return { load, decoding, beams }
}

function randomInput(queries: number): { input: PolicyInput; embeddings: Float32Array } {
  const random = createRandom(1, 'bench')
  const data = Float32Array.from({ length: ROWS * D }, () => random.normal() / Math.sqrt(D))
  const all = Array.from({ length: ROWS }, (_, row) => row)
  const items = Array.from({ length: queries }, (_, i) => ({ row: i % ROWS, pool: random.sample(all, N) }))
  return { input: { queries: { data, dim: D }, items }, embeddings: data }
}

interface Time {
  wall: number
  cpu: number
}

async function timed(work: () => Promise<unknown>): Promise<Time> {
  const start = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wall: performance.now() - start, cpu: (user + system) / 1000 }
}

async function decode(
  architecture: (typeof ARCHITECTURE_NAMES)[number],
  input: PolicyInput,
  threads: number,
  rounds: number,
): Promise<DecodingFigures[]> {
  const queries = input.items.length
  const jobs: Record<string, (policy: Policy) => Promise<unknown>> = {
    'greedy, K=2': (policy) => policy.greedy(input, { shots: 2 }),
    'greedy, K=4': (policy) => policy.greedy(input, { shots: 4 }),
    'beam 5, K=4': (policy) => policy.beam(input, { shots: K, width: WIDTH }),
    'sample 4, K=2': (policy) =>
      policy.sample(input, { shots: 2, count: 4, randoms: input.items.map((_, i) => createRandom(1, i)) }),
  }
  const policy = await openPolicy(createModel({ architecture, settings: { dim: D, hidden: H } }), { threads })
  const figures: DecodingFigures[] = []
  for (const [what, job] of Object.entries(jobs)) {
    await job(policy)
    const times: Time[] = []
    for (let i = 0; i < rounds; i++) times.push(await timed(() => job(policy)))
    figures.push({
      architecture,
      what,
      threads,
      millisecondsPerQuery: round(median(times.map(({ wall }) => wall)) / queries),
      cpuMillisecondsPerQuery: round(median(times.map(({ cpu }) => cpu)) / queries),
    })
  }
  await policy.close()
  return figures
}

async function compareBeams(
  input: PolicyInput,
  embeddings: Float32Array,
  threads: number,
  rounds: number,
): Promise<BeamFigures[]> {
  const peer = await openPyTorch('pointer_beam.py', threads)
  if (typeof peer === 'string') {
    process.stderr.write(`pointer-model: ${peer}\n`)
    return []
  }
  const folder = await mkdtemp(join(tmpdir(), 'lever-bench-'))
  const model = createModel({ settings: { dim: D, hidden: H } })
  const policy = await openPolicy(model, { threads })
  try {
    const file = async (name: string, values: Float32Array | Int32Array): Promise<string> => {
      await writeFile(join(folder, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      return join(folder, name)
    }
    const weights = [...model.parameters.values()].flatMap(({ values }) => Array.from(values))
    await peer.ask({
      do: 'open',
      ...{ N, D, K, width: WIDTH, layers: 1 },
      weights: await file('weights', Float32Array.from(weights)),
      shapes: [...model.parameters].map(([name, { shape }]) => [name, shape]),
      embeddings: await file('embeddings', embeddings),
      queries: await file(
        'queries',
        Int32Array.from(input.items, ({ row }) => row),
      ),
      pools: await file('pools', Int32Array.from(input.items.flatMap(({ pool }) => Array.from(pool)))),
    })
    return [
      await compareWith(peer, policy, input, { threads, rounds, once: true }),
      await compareWith(peer, policy, input, { threads, rounds, once: false }),
    ]
  } finally {
    await policy.close()
    await peer.close()
    await rm(folder, { recursive: true })
  }
}

/** Slices, each all queries by ours and then some by theirs: a share of them, all together once, or 1 in 20. */
async function compareWith(
  peer: PyTorch,
  policy: Policy,
  input: PolicyInput,
  { threads, rounds, once }: { threads: number; rounds: number; once: boolean },
): Promise<BeamFigures> {
  const queries = input.items.length
  const part = Math.floor(queries / rounds / (once ? 1 : 20))
  const [ours, theirs]: [Time[], Time[]] = [[], []]
  let same = 0
  const search = (): ReturnType<Policy['beam']> => policy.beam(input, { shots: K, width: WIDTH })
  const found = await search()
  await peer.ask({ do: 'search', first: 0, count: 5, encode_once: once })
  for (let i = 0; i < rounds; i++) {
    const { wall, cpu } = await timed(search)
    ours.push({ wall: wall / queries, cpu: cpu / queries })
    const job = { do: 'search', first: i * part, count: part, encode_once: once }
    const result = await peer.ask<Time & { pointers: number[][] }>(job)
    theirs.push({ wall: (result.wall * 1000) / part, cpu: (result.cpu * 1000) / part })
    result.pointers.forEach((pointer, q) => {
      if (pointer.join() === found[i * part + q]![0]!.pointer.join()) same += 1
    })
  }
  return {
    peer: once ? 'encoded once' : 'as it was',
    threads,
    ours: round(median(ours.map(({ wall }) => wall))),
    theirs: round(median(theirs.map(({ wall }) => wall))),
    ratio: spread(theirs.map(({ wall }, i) => wall / ours[i]!.wall)),
    cpuRatio: spread(theirs.map(({ cpu }, i) => cpu / ours[i]!.cpu)),
    ...(once ? { same: `${same} of ${rounds * part}` } : {}),
  }
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
const round = (value: number): number => Number(value.toFixed(4))

function spread(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b)
  return `${median(ratios).toFixed(1)} [${sorted[0]!.toFixed(1)}, ${sorted.at(-1)!.toFixed(1)}]`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { load, decoding, beams } = await run()
  console.log(`load ${load.toFixed(1)}`)
  console.table(beams)
  console.table(decoding)
}
