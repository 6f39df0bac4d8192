import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { countParameters, createModel } from '@lever/pointer-model'
import type { PointerModel } from '@lever/pointer-model'
import { openPyTorch } from './peers/pytorch.ts'
import type { PyTorch } from './peers/pytorch.ts'
import { D, G, H, N, openOurs, randomData, RATES } from './support/pointer-program.ts'
import type { Data, Sizes, Time } from './support/pointer-program.ts'
import { copyRate, sgemmRate } from './support/speed.ts'

/** Formulations of the PyTorch peer; `peers/pointer_training.py` describes them. */
export type Variant = 'best' | 'compiled' | 'onednn' | 'expanded'

export interface TrainingOptions {
  /** Rounds of ours, then each peer (default 4); `expanded` takes part in the last two. */
  rounds?: number
  /** Queries of ours in a round (default 256: 32 steps of 8, 8 of 32); the peers have as many, `expanded` one step. */
  queries?: number
  threads?: readonly number[]
  variants?: readonly Variant[]
  batches?: readonly number[]
  shots?: readonly number[]
  layers?: readonly number[]
}

export interface TrainingFigures {
  case: string
  threads: number
  /** PyTorch's formulation; none: why there is no peer. */
  peer: string
  /** Median over rounds of the wall time of a step, milliseconds. */
  ours: number
  theirs?: number
  /** Theirs over ours of the same round: median, smallest and largest. */
  ratio?: string
  /** The same in processor time, which other programs on the machine disturb less. */
  cpuRatio?: string
  /** Difference of the first losses without dropout, relative. */
  lossError?: number
  /** Share of a step that its matrix products would take at the speed of one large product of the same runtime. */
  products: number
  /** The same with AdamW's least traffic (28 bytes a parameter) at the speed of a copy: the floor of a step. */
  floor: number
}

/**
 * Steps of RCE training of `cross-attention` (N=64, D=768, H=256, G=24, AdamW, gradient clip 1) beside
 * PyTorch on the CPU: the same weights, data and dropout rates, in short rounds one after the other.
 * Ours draws its dropout masks on the host inside the measured time.
 */
export async function run({
  rounds = 4,
  queries = 256,
  threads = [1, 2],
  variants = ['best', 'expanded'],
  batches = [8, 32],
  shots = [2, 4],
  layers = [1, 3],
}: TrainingOptions = {}): Promise<TrainingFigures[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-bench-'))
  const figures: TrainingFigures[] = []
  try {
    for (const count of threads) {
      const peer = await openPyTorch('pointer_training.py', count)
      const about = typeof peer === 'string' ? peer : `PyTorch ${peer.version}`
      const load = loadavg()[0]!.toFixed(1)
      process.stderr.write(
        `pointer-training: ${about}; ${count} of ${availableParallelism()} cores, load ${load}\n`,
      )
      for (const B of batches) {
        for (const K of shots) {
          for (const count_ of layers) {
            const sizes = { B, K, layers: count_ }
            const options = { sizes, threads: count, peer, variants, rounds, steps: queries / B, folder }
            const found = await measure(options)
            for (const figure of found) process.stderr.write(`pointer-training: ${JSON.stringify(figure)}\n`)
            figures.push(...found)
          }
        }
      }
      if (typeof peer !== 'string') await peer.close()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
  return figures
}

async function measure({
  sizes,
  threads,
  peer,
  variants,
  rounds,
  steps,
  folder,
}: {
  sizes: Sizes
  threads: number
  peer: PyTorch | string
  variants: readonly Variant[]
  rounds: number
  steps: number
  folder: string
}): Promise<TrainingFigures[]> {
  const model = createModel({ settings: { dim: D, hidden: H, layers: sizes.layers }, seed: 1 })
  const data = randomData(sizes)
  const ours = await openOurs(model, sizes, data, threads)
  const [peak, bandwidth] = [await sgemmRate(threads), copyRate()]
  const opened = typeof peer === 'string' ? [] : await openPeers(peer, variants, model, sizes, data, folder)
  const ourTimes: Time[] = []
  const peerTimes = new Map(opened.map(({ variant }) => [variant, [] as (Time & { ours: Time })[]]))
  for (let round = -1; round < rounds; round++) {
    const time = perStep(await ours.steps(steps), steps)
    if (round >= 0) ourTimes.push(time)
    for (const { variant } of opened) {
      if (variant === 'expanded' && round < rounds - 2) continue
      const count = variant === 'expanded' ? 1 : steps
      const theirs = perStep(await (peer as PyTorch).ask<Time>({ do: 'steps', id: variant, count }), count)
      if (round >= 0) peerTimes.get(variant)!.push({ ...theirs, ours: ourTimes[round]! })
    }
  }
  await ours.close()
  for (const { variant } of opened) await (peer as PyTorch).ask({ do: 'close', id: variant })
  const own = median(ourTimes.map(({ wall }) => wall))
  const best = median(ourTimes.map(({ wall, cpu }) => (threads === 1 ? cpu : wall)))
  const common = {
    case: `B=${sizes.B} K=${sizes.K}, ${sizes.layers} layers`,
    threads,
    ours: round(own * 1000, 2),
    products: round(ours.flops / peak / best, 2),
    floor: round((ours.flops / peak + (28 * countParameters(model)) / bandwidth) / best, 2),
  }
  if (typeof peer === 'string') return [{ ...common, peer: `skipped: ${peer}` }]
  return opened.map(({ variant, loss }) => {
    const theirs = peerTimes.get(variant)!
    return {
      ...common,
      peer: variant,
      theirs: round(median(theirs.map(({ wall }) => wall)) * 1000, 2),
      ratio: spread(theirs.map(({ wall, ours }) => wall / ours.wall)),
      cpuRatio: spread(theirs.map(({ cpu, ours }) => cpu / ours.cpu)),
      lossError: round(Math.abs(loss / ours.firstLoss - 1), 9),
    }
  })
}

async function openPeers(
  peer: PyTorch,
  variants: readonly Variant[],
  model: PointerModel,
  { B, K, layers }: Sizes,
  data: Data,
  folder: string,
): Promise<{ variant: Variant; loss: number }[]> {
  const file = async (name: string, values: Float32Array | Int32Array): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return path
  }
  const flat = Float32Array.from([...model.parameters.values()].flatMap(({ values }) => Array.from(values)))
  const job = {
    do: 'open',
    ...{ B, N, G, K, D, layers },
    dropout: RATES.features,
    attention_dropout: RATES.attention,
    weights: await file('weights', flat),
    shapes: [...model.parameters].map(([name, { shape }]) => [name, shape]),
    embeddings: await file('embeddings', data.embeddings),
    queries: await file('queries', data.query),
    pools: await file('pools', data.pool),
    pointers: await file('pointers', data.pointers),
    rewards: await file('rewards', data.weights),
  }
  const opened: { variant: Variant; loss: number }[] = []
  for (const variant of variants) {
    opened.push({ variant, loss: (await peer.ask<{ loss: number }>({ ...job, variant, id: variant })).loss })
  }
  return opened
}

const perStep = ({ wall, cpu }: Time, steps: number): Time => ({ wall: wall / steps, cpu: cpu / steps })
const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
const round = (value: number, digits: number): number => Number(value.toFixed(digits))

function spread(ratios: readonly number[]): string {
  const text = (value: number): string => value.toFixed(value < 10 ? 2 : 0)
  return `${text(median(ratios))} [${text(Math.min(...ratios))}, ${text(Math.max(...ratios))}]`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = (process.argv[2] === undefined ? {} : JSON.parse(process.argv[2])) as TrainingOptions
  console.table(await run(options))
}
