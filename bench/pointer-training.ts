import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import * as g from '@lever/onnx-grad'
import type {
  InputSpec,
  ParameterNodes,
  Tensor,
  Trainer,
  TrainingProgram,
  TrainingState,
} from '@lever/onnx-grad'
import {
  architectureOf,
  countParameters,
  createModel,
  sequenceLogits,
  stepLogProbs,
} from '@lever/pointer-model'
import type { Dropout, PointerModel } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { fillMask } from '../packages/grpo-trainer/src/dropout.ts'
import { openPyTorch } from './peers/pytorch.ts'
import type { PyTorch } from './peers/pytorch.ts'

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

interface Sizes {
  B: number
  K: number
  layers: number
}

interface Time {
  wall: number
  cpu: number
}

const [N, D, H, G, ROWS, BATCHES] = [64, 768, 256, 24, 1000, 25]
const RATES = { features: 0.5, attention: 0.1 }

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

interface Data {
  embeddings: Float32Array
  query: Int32Array
  pool: Int32Array
  pointers: Int32Array
  weights: Float32Array
}

function randomData({ B, K }: Sizes): Data {
  const random = createRandom(1, 'pointer-training', B, K)
  const positions = Array.from({ length: N }, (_, i) => i)
  const rows = (count: number): Int32Array => Int32Array.from({ length: count }, () => random.int(ROWS))
  const pointers = Array.from({ length: BATCHES * B * G }, () => random.sample(positions, K))
  return {
    embeddings: Float32Array.from({ length: ROWS * D }, () => random.normal() / Math.sqrt(D)),
    query: rows(BATCHES * B),
    pool: rows(BATCHES * B * N),
    pointers: Int32Array.from(pointers.flat()),
    weights: Float32Array.from({ length: BATCHES * B * G }, () => (2 * random.next()) / G),
  }
}

function specsOf({ B, K }: Sizes): Record<string, InputSpec> {
  return {
    query: { shape: [B], dtype: 'int32' },
    pool: { shape: [B, N], dtype: 'int32' },
    valid: { shape: [B, N], dtype: 'bool' },
    pointers: { shape: [B, G, K], dtype: 'int32' },
    weights: { shape: [B, G] },
  }
}

/** -sum_bg w_bg log p(pointer_bg) / B */
function lossOf(
  model: PointerModel,
  B: number,
  parameter: ParameterNodes,
  node: ParameterNodes,
  dropout?: Dropout,
): Tensor {
  const net = { architecture: architectureOf(model.architecture), config: model.config, parameter }
  const logits = sequenceLogits(net, {
    query: g.gather(node('embeddings'), node('query')),
    candidates: g.gather(node('embeddings'), node('pool')),
    valid: node('valid'),
    pointers: node('pointers'),
    ...(dropout === undefined ? {} : { dropout }),
  })
  const logProbs = g.sum(stepLogProbs(logits), { axes: [-1] })
  return g.neg(g.mul(g.sum(g.mul(logProbs, node('weights'))), 1 / B))
}

interface Ours {
  flops: number
  firstLoss: number
  steps(count: number): Promise<Time>
  close(): Promise<void>
}

async function openOurs(model: PointerModel, sizes: Sizes, data: Data, threads: number): Promise<Ours> {
  const layout = g.layoutParameters(model.parameters)
  const sharedInputs = { embeddings: { shape: [ROWS, D] } }
  const masks = new Map<string, readonly number[]>()
  const named = (specs: Readonly<Record<string, InputSpec>>): ParameterNodes => {
    const nodes = new Map(
      Object.entries(specs).map(([name, { shape, dtype }]) => [name, g.input(name, shape, dtype)]),
    )
    return (name) => nodes.get(name)!
  }
  const weights = named(Object.fromEntries([...model.parameters]))
  const nodes = named({ ...specsOf(sizes), ...sharedInputs })
  const loss = lossOf(model, sizes.B, weights, nodes, (x, place) => {
    masks.set(place, x.shape.map(Number))
    return x
  })
  const found = g.gradients(loss, [...model.parameters.keys()].map(weights))
  const rateOf = (place: string): number => (/attn/.test(place) ? RATES.attention : RATES.features)
  const program: TrainingProgram = {
    layout,
    stepInputs: {
      ...specsOf(sizes),
      ...Object.fromEntries([...masks].map(([place, shape]) => [`mask.${place}`, { shape, dtype: 'uint8' }])),
    },
    sharedInputs,
    clipNorm: 1,
    loss: (parameter, node) => ({
      loss: lossOf(model, sizes.B, parameter, node, (x, place) =>
        g.dropout(x, node(`mask.${place}`), rateOf(place)),
      ),
    }),
  }
  const trainer = await g.openTrainer(program, { threads })
  const exact = await g.openTrainer({
    ...program,
    stepInputs: specsOf(sizes),
    loss: (p, n) => ({ loss: lossOf(model, sizes.B, p, n) }),
  })
  let state = g.initialState(layout, model.parameters)
  const first = await runSteps(exact, state, sizes, data, new Map(), rateOf, 0, 1)
  await exact.close()
  return {
    flops: productFlops([loss, ...found]),
    firstLoss: first.metrics['loss']![0]!,
    async steps(count) {
      const start = performance.now()
      const cpu = process.cpuUsage()
      state = (await runSteps(trainer, state, sizes, data, masks, rateOf, state.step, count)).state
      const used = process.cpuUsage(cpu)
      return { wall: (performance.now() - start) / 1000, cpu: (used.user + used.system) / 1e6 }
    },
    close: () => trainer.close(),
  }
}

function runSteps(
  trainer: Trainer,
  state: TrainingState,
  sizes: Sizes,
  { embeddings, ...batches }: Data,
  masks: ReadonlyMap<string, readonly number[]>,
  rateOf: (place: string) => number,
  first: number,
  count: number,
): Promise<g.TrainingResult> {
  const specs = specsOf(sizes)
  const stepInputs: Record<string, g.TensorValues> = {}
  for (const [name, values] of Object.entries(batches)) {
    const size = sizeOf(specs[name]!.shape)
    const stacked = new (values.constructor as Int32ArrayConstructor)(count * size)
    for (let i = 0; i < count; i++) {
      const from = ((first + i) % BATCHES) * size
      stacked.set(values.subarray(from, from + size), i * size)
    }
    stepInputs[name] = stacked
  }
  stepInputs['valid'] = new Uint8Array(count * sizes.B * N).fill(1)
  for (const [place, shape] of masks) {
    const size = sizeOf(shape)
    const values = new Uint8Array(count * size)
    for (let i = 0; i < count; i++) {
      fillMask(values.subarray(i * size, (i + 1) * size), rateOf(place), 1, first + i, place)
    }
    stepInputs[`mask.${place}`] = values
  }
  const learningRates = new Array<number>(count).fill(1e-4)
  return trainer.run(state, { learningRates, stepInputs, sharedInputs: { embeddings } })
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

/** Floating-point operations of the matrix products that outputs depend on. */
function productFlops(outputs: readonly Tensor[]): number {
  const seen = new Set<Tensor>()
  const stack = [...outputs]
  let flops = 0
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    stack.push(...node.inputs)
    const [a] = node.inputs
    if (node.op === 'MatMul') flops += 2 * sizeOf(node.shape) * Number(a!.shape.at(-1))
    if (node.op === 'Gemm') {
      flops += 2 * sizeOf(node.shape) * Number(a!.shape[node.attributes['transA'] === 1 ? 0 : 1])
    }
  }
  return flops
}

/** Bytes a second, read and written, of copies of 16 MB. */
function copyRate(): number {
  const [from, to] = [new Float32Array(4e6).fill(1), new Float32Array(4e6)]
  const times = Array.from({ length: 12 }, () => {
    const start = process.cpuUsage()
    to.set(from)
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  })
  return (2 * from.byteLength) / Math.min(...times)
}

/** Floating-point operations a second of large products, [2048, 768] by [768, 256] and back. */
async function sgemmRate(threads: number): Promise<number> {
  const x = g.input('x', [2048, D])
  const there = g.input('there', [D, H])
  const back = g.input('back', [H, D])
  let y = x
  for (let i = 0; i < 4; i++) y = g.matmul(g.matmul(y, there), back)
  const model = await g.loadModel(g.encodeModel({ inputs: [x, there, back], outputs: { y: g.sum(y) } }), {
    threads,
  })
  const value = (rows: number, columns: number): g.Value => ({
    dtype: 'float32',
    dims: [rows, columns],
    data: new Float32Array(rows * columns).fill(0.001),
  })
  const feeds = { x: value(2048, D), there: value(D, H), back: value(H, D) }
  const rates: number[] = []
  for (let i = 0; i < 8; i++) {
    const start = performance.now()
    const cpu = process.cpuUsage()
    await model.run(feeds)
    const used = process.cpuUsage(cpu)
    const seconds = threads === 1 ? (used.user + used.system) / 1e6 : (performance.now() - start) / 1000
    rates.push((8 * 2 * 2048 * D * H) / seconds)
  }
  await model.close()
  return Math.max(...rates)
}

const sizeOf = (shape: g.Shape): number => shape.reduce<number>((a, b) => a * Number(b), 1)
const perStep = ({ wall, cpu }: Time, steps: number): Time => ({ wall: wall / steps, cpu: cpu / steps })
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!
const round = (value: number, digits: number): number => Number(value.toFixed(digits))

function spread(ratios: readonly number[]): string {
  const text = (value: number): string => value.toFixed(value < 10 ? 2 : 0)
  return `${text(median(ratios))} [${text(Math.min(...ratios))}, ${text(Math.max(...ratios))}]`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = (process.argv[2] === undefined ? {} : JSON.parse(process.argv[2])) as TrainingOptions
  console.table(await run(options))
}
