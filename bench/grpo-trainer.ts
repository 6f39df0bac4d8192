import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { train } from '@lever/grpo-trainer'
import type { PhaseOptions } from '@lever/grpo-trainer'
import { createModel } from '@lever/pointer-model'
import type { ArchitectureName } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'

export interface TrainingCase {
  name: string
  architecture: ArchitectureName
  settings: { dim: number; hidden: number; layers?: number }
  /** B, N, G, K */
  batch: number
  pool: number
  pointers: number
  shots: number
  phase: Partial<PhaseOptions> & Pick<PhaseOptions, 'objective'>
}

export interface TrainingFigures {
  case: string
  threads: number
  steps: number
  /** Median over rounds, from batches in memory to metrics in memory, without opening the session. */
  stepsPerSecond: number
  /** Processor time of a step, milliseconds. */
  cpuMilliseconds: number
}

const rce = { objective: 'rce' } as const
const original = (batch: number, shots: number, layers: number, dropout = 0): TrainingCase => ({
  name: `cross-attention, ${layers} layers, B=${batch}, K=${shots}, D=768, H=256, G=24, dropout ${dropout}`,
  architecture: 'cross-attention',
  settings: { dim: 768, hidden: 256, layers },
  batch,
  pool: 64,
  pointers: 24,
  shots,
  phase: { ...rce, dropout },
})

const cases: readonly TrainingCase[] = [
  {
    name: 'recommended: mlp-cross-attention, B=16, K=2, D=320, H=128, G=24, dropout 0.2',
    architecture: 'mlp-cross-attention',
    settings: { dim: 320, hidden: 128 },
    batch: 16,
    pool: 64,
    pointers: 24,
    shots: 2,
    phase: { objective: 'listwise', dropout: 0.2 },
  },
  original(8, 2, 1),
  original(8, 2, 3),
  original(8, 2, 3, 0.1),
  original(8, 4, 3),
  original(32, 2, 1),
  original(32, 2, 3),
]

/** Optimiser steps a second of whole trainings on random data, with one and two threads. */
export async function run({
  steps = 100,
  threads = [1, 2],
}: { steps?: number; threads?: readonly number[] } = {}): Promise<TrainingFigures[]> {
  const figures: TrainingFigures[] = []
  for (const each of cases) for (const count of threads) figures.push(await measure(each, count, steps))
  return figures
}

async function measure(of: TrainingCase, threads: number, steps: number): Promise<TrainingFigures> {
  const model = createModel({ architecture: of.architecture, settings: of.settings })
  const data = randomData(of)
  const epochs = Math.ceil((2 * steps) / (data.groups.length / of.batch))
  const phases: PhaseOptions[] = [{ ...of.phase, epochs, batchSize: of.batch, dropFlat: false }]
  const chunk = Math.max(1, Math.floor(steps / 4))
  const seconds: number[] = []
  const cpu: number[] = []
  let seen = 0
  let start = performance.now()
  let usage = process.cpuUsage()
  for await (const event of train({ model, data, phases, threads, chunk })) {
    if (event.type !== 'step') continue
    seen += 1
    if (seen % chunk !== 1) continue
    seconds.push((performance.now() - start) / 1000 / chunk)
    const { user, system } = process.cpuUsage(usage)
    cpu.push((user + system) / 1000 / chunk)
    start = performance.now()
    usage = process.cpuUsage()
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
  return {
    case: of.name,
    threads,
    steps: seen,
    stepsPerSecond: 1 / median(seconds.slice(1)),
    cpuMilliseconds: median(cpu.slice(1)),
  }
}

/** Groups of random pointers with random rewards, as many as 25 batches. */
function randomData({ settings: { dim }, batch, pool, pointers, shots }: TrainingCase): {
  groups: Group[]
  embeddings: { data: Float32Array; dim: number }
} {
  const random = createRandom(1, 'bench')
  const rows = 600
  const scale = 1 / Math.sqrt(dim)
  const embeddings = { data: Float32Array.from({ length: rows * dim }, () => scale * random.normal()), dim }
  const all = Array.from({ length: rows }, (_, row) => row)
  const positions = Array.from({ length: pool }, (_, n) => n)
  const groups = Array.from({ length: batch * 25 }, (_, queryRow): Group => {
    const rewards = Float64Array.from({ length: pointers }, () => random.normal())
    const poolRows = Int32Array.from(random.sample(all, pool))
    return {
      queryId: queryRow,
      imageId: null,
      queryRow: queryRow % rows,
      poolIds: Array.from(poolRows),
      poolRows,
      pointers: Int32Array.from(Array.from(rewards, () => random.sample(positions, shots)).flat()),
      size: pointers,
      shots,
      rewards,
      rawRewards: rewards,
      logProbs: null,
      methods: Array.from(rewards, () => 'random'),
    }
  })
  return { groups, embeddings }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await run())
