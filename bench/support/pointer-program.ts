import { performance } from 'node:perf_hooks'
import * as g from '@lever/onnx-grad'
import type {
  InputSpec,
  ParameterNodes,
  Tensor,
  Trainer,
  TrainingProgram,
  TrainingState,
} from '@lever/onnx-grad'
import { architectureOf, sequenceLogits, stepLogProbs } from '@lever/pointer-model'
import type { Dropout, PointerModel } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { fillMask } from '../../packages/grpo-trainer/src/dropout.ts'
import { productFlops, sizeOf } from './speed.ts'

/** Queries of a step, shots, and layers of the model. */
export interface Sizes {
  B: number
  K: number
  layers: number
}

/** Seconds. */
export interface Time {
  wall: number
  cpu: number
}

/** Pool, embedding, hidden size, pointers of a query, rows of the matrix, batches. */
export const [N, D, H, G, ROWS, BATCHES] = [64, 768, 256, 24, 1000, 25]
/** Dropout. */
export const RATES = { features: 0.5, attention: 0.1 }

/** What the steps train on; it comes again after `BATCHES` steps. */
export interface Data {
  embeddings: Float32Array
  query: Int32Array
  pool: Int32Array
  pointers: Int32Array
  weights: Float32Array
}

/** Random embeddings, pools, pointers and weights. */
export function randomData({ B, K }: Sizes): Data {
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

/** Our training, ready to make steps. */
export interface Ours {
  flops: number
  firstLoss: number
  steps(count: number): Promise<Time>
  close(): Promise<void>
}

/** Opens our training of a model; its dropout masks are drawn inside the time of a step. */
export async function openOurs(
  model: PointerModel,
  sizes: Sizes,
  data: Data,
  threads: number,
): Promise<Ours> {
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
