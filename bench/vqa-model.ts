import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as ort from 'onnxruntime-node'
import { createRandom } from '@lever/reward-utils'
import { readDataset } from '@lever/vqa-dataset'
import { openVqaModel, type Device, type PromptWithImages } from '@lever/vqa-model'
import { GraphWriter } from '../packages/vqa-model/test/support/onnx-writer.ts'
import { writeImages } from '../packages/vqa-model/test/support/images.ts'
import { openStockModel } from '../packages/vqa-model/test/support/stock.ts'
import { writeTinyModel } from '../packages/vqa-model/test/support/tiny-model.ts'

export interface RewardFigures {
  workload: string
  prompts: number
  /** Prompts a second of processor time (of the clock, on another device than the CPU): plain `generate()`, a prompt at a time, which reads and prepares its images. */
  plainPerSecond: number
  /** The same with the pixels of all images prepared beforehand. */
  preparedPerSecond: number
  plainSampled: number
  /** Ours, one thread, nothing cached: images are read, prepared and encoded. */
  coldPerSecond: number
  /** Ours again, images cached. */
  warmPerSecond: number
  coldTimesPlain: number
  coldTimesPrepared: number
  warmTimesPlain: number
  /** Answers of the sample that differ from plain `generate()`. */
  different: number
  prefillTokens: number
  imageEncodes: number
  nearTies: number
  peakKvMiB: number
  /**
   * Seconds that the multiplications alone take at the speed of one large MatMul on one thread, for all prompts: those
   * of whole prompts with all their images, and those that are left when prefixes and images are shared.
   */
  plainFloorSeconds: number
  sharedFloorSeconds: number
  plainSeconds: number
  coldSeconds: number
  coldWallSeconds: number
}

export interface VqaModelFigures {
  gigaflops: number
  rewards: RewardFigures[]
}

interface Weights {
  /** Multiplications of a token in all matrices. */
  perToken: number
  /** Multiplications of a token with one slot of its past. */
  perSlot: number
  /** Multiplications of the vision encoder for an image. */
  perImage: number
}

/**
 * Rewards a second: plain transformers.js `generate()` against ours, in one run, one thread. The bundled model with 24
 * random pairs a query of a shared pool of 64, and with all single demonstrations; a random-weight model of about 110 MB
 * with 256 visual tokens an image, whose vision encoder costs about as much as the decoder's part of an image, as in
 * Qwen2.5-VL-3B.
 */
export async function run({
  queries = 300,
  sample = 200,
  large = true,
  device = 'cpu',
}: { queries?: number; sample?: number; large?: boolean; device?: Device } = {}): Promise<VqaModelFigures> {
  const gigaflops = await multiplySpeed()
  const { model, world: all } = await bundledWorld()
  const random = createRandom(1, 'bench')
  const world = {
    demonstrations: random.sample(all.demonstrations, 64),
    queries: all.queries.slice(0, queries),
  }
  const bundled = {
    model,
    weights: { perToken: 98_304, perSlot: 2 * 2 * 64, perImage: 2.65e6 },
    gigaflops,
    sample,
    device,
  }
  const rewards = [
    await measure(
      '24 random pairs',
      pairs(world, 24, (n) => random.int(n)),
      bundled,
    ),
    await measure('all single demonstrations', singles(world), bundled),
  ]
  if (large) rewards.push(await measureLarge(gigaflops, device))
  return { gigaflops, rewards }
}

export interface World {
  demonstrations: readonly PromptWithImages['demonstrations'][number][]
  queries: readonly PromptWithImages['query'][]
}

/** For every query, `each` prompts with two random demonstrations. */
export function pairs(
  { demonstrations, queries }: World,
  each: number,
  int: (n: number) => number,
): PromptWithImages[] {
  return queries.flatMap((query) =>
    Array.from({ length: each }, () => {
      const first = int(demonstrations.length)
      const second = (first + 1 + int(demonstrations.length - 1)) % demonstrations.length
      return { demonstrations: [demonstrations[first]!, demonstrations[second]!], query }
    }),
  )
}

function singles({ demonstrations, queries }: World): PromptWithImages[] {
  return queries.flatMap((query) => demonstrations.map((one) => ({ demonstrations: [one], query })))
}

/** The bundled model, and its world: all train examples as demonstrations, all test questions as queries. */
export async function bundledWorld(): Promise<{ model: string; world: World }> {
  const root = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
  const world = { demonstrations: await examplesOf(root, 'train'), queries: await examplesOf(root, 'test') }
  return { model: join(root, 'model'), world }
}

async function examplesOf(
  root: string,
  split: string,
): Promise<PromptWithImages['demonstrations'][number][]> {
  const folder = join(root, 'world', split)
  const { examples } = await readDataset({
    questions: join(folder, 'questions.json'),
    annotations: join(folder, 'annotations.json'),
    images: join(root, 'world/images'),
  })
  return examples.map(({ id, image, question, answer }) => ({ id, image: image!, question, answer }))
}

async function measure(
  workload: string,
  prompts: readonly PromptWithImages[],
  {
    model,
    weights,
    gigaflops,
    sample,
    device,
  }: { model: string; weights: Weights; gigaflops: number; sample: number; device: Device },
): Promise<RewardFigures> {
  const seconds = ({ processor, wall }: Spent): number => (device === 'cpu' ? processor : wall)
  const step = Math.max(1, Math.floor(prompts.length / sample))
  const sampled = prompts.map((_, i) => i).filter((i) => i % step === 0)
  const stock = await openStockModel(model, 'shapes', device)
  for (const i of sampled) await stock.prepare(prompts[i]!)
  for (const i of sampled.slice(0, sample / 2)) await stock.generate(prompts[i]!)
  const prepared = startClock()
  const wanted: string[] = []
  for (const i of sampled) wanted.push(stock.decode(await stock.generate(prompts[i]!)))
  const preparedPerSecond = sampled.length / seconds(prepared())
  const plain = startClock()
  for (const i of sampled) {
    stock.forget()
    await stock.generate(prompts[i]!)
  }
  const plainPerSecond = sampled.length / seconds(plain())
  await stock.close()

  const ours = await openVqaModel({ backend: 'onnx', model, device, threads: 1, template: 'shapes' })
  const cold = startClock()
  const answers = await ours.answer(prompts)
  const spent = cold()
  const [coldSeconds, coldWallSeconds] = [seconds(spent), spent.wall]
  const { prefillTokens, decodeSteps, imageEncodes, nearTies, peakKvBytes } = ours.stats()
  const warm = startClock()
  await ours.answer(prompts)
  const warmSeconds = seconds(warm())
  await ours.close()

  const whole = await openVqaModel({
    backend: 'onnx',
    model,
    device,
    threads: 1,
    template: 'shapes',
    sharing: false,
  })
  await whole.answer(sampled.map((i) => prompts[i]!))
  const share = prompts.length / sampled.length
  const alone = whole.stats()
  await whole.close()
  const [promptTokens, promptSteps] = [share * alone.prefillTokens, share * alone.decodeSteps]
  const past = promptTokens / prompts.length
  const images = prompts.reduce((sum, { demonstrations }) => sum + demonstrations.length + 1, 0)
  const floor = (tokens: number, encodes: number): number =>
    (2 * (tokens * (weights.perToken + (past / 2) * weights.perSlot) + encodes * weights.perImage)) /
    (gigaflops * 1e9)
  return {
    workload,
    prompts: prompts.length,
    plainPerSecond,
    preparedPerSecond,
    plainSampled: sampled.length,
    coldPerSecond: prompts.length / coldSeconds,
    warmPerSecond: prompts.length / warmSeconds,
    coldTimesPlain: prompts.length / coldSeconds / plainPerSecond,
    coldTimesPrepared: prompts.length / coldSeconds / preparedPerSecond,
    warmTimesPlain: prompts.length / warmSeconds / plainPerSecond,
    different: sampled.filter((i, k) => answers[i]!.raw !== wanted[k]).length,
    prefillTokens,
    imageEncodes,
    nearTies,
    peakKvMiB: peakKvBytes / 2 ** 20,
    plainFloorSeconds: floor(promptTokens + promptSteps, images),
    sharedFloorSeconds: floor(prefillTokens + decodeSteps, imageEncodes),
    plainSeconds: prompts.length / plainPerSecond,
    coldSeconds,
    coldWallSeconds,
  }
}

interface Spent {
  wall: number
  processor: number
}

/** Seconds since the start: of the clock, and of this process on all processors, which other processes do not change. */
function startClock(): () => Spent {
  const start = performance.now()
  const used = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(used)
    return { wall: (performance.now() - start) / 1000, processor: (user + system) / 1e6 }
  }
}

/** 7 layers of width 512, images of 448 x 448 pixels: 256 visual tokens. */
async function measureLarge(gigaflops: number, device: Device): Promise<RewardFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-bench-'))
  try {
    const [width, layers, ff] = [512, 7, 1536]
    const vision = { layers: 4, width: 384 }
    const model = await writeTinyModel(folder, {
      ...{
        width,
        layers,
        ff,
        heads: 8,
        kvHeads: 8,
        logitsToKeep: 'head',
        maxPixels: 448 * 448,
        vision,
      },
    })
    const images = await writeImages(join(folder, 'images'), 16, [[448, 448]])
    const question = 'what color is this ?'
    const world = {
      demonstrations: images.slice(8).map((image, id) => ({ id, image, question, answer: 'red' })),
      queries: images.slice(0, 8).map((image, i) => ({ id: 100 + i, image, question })),
    }
    const random = createRandom(2, 'bench')
    const shared = pairs({ ...world, queries: world.queries.slice(0, 1) }, 12, (n) => random.int(n))
    const prompts = world.queries.flatMap((query) => shared.map((prompt) => ({ ...prompt, query })))
    const [patches, block] = [1024, 8 * vision.width ** 2]
    const weights = {
      perToken: layers * (4 * width * width + 3 * width * ff),
      perSlot: 2 * layers * width,
      perImage: patches * (1176 * vision.width + vision.layers * block + vision.width * width),
    }
    return await measure('about 110 MB, 12 shared pairs x 8 queries', prompts, {
      model,
      weights,
      gigaflops,
      sample: 6,
      device,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Speed of a 512 x 512 x 512 MatMul in ONNX Runtime on one thread, in 10^9 operations a second. */
async function multiplySpeed(): Promise<number> {
  const size = 512
  const graph = new GraphWriter()
  const weights = graph.floats(new Float32Array(size * size).fill(0.5), [size, size])
  let x = 'x'
  for (let i = 0; i < 8; i++) x = graph.op('MatMul', [x, weights], {}, i === 7 ? 'y' : `y${i}`)
  const shape = [size, size]
  const file = graph.model([{ name: 'x', type: 'f32', shape }], [{ name: 'y', type: 'f32', shape }])
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 })
  const feeds = { x: new ort.Tensor('float32', new Float32Array(size * size), shape) }
  let best = Infinity
  for (let i = 0; i < 10; i++) {
    const start = performance.now()
    await session.run(feeds)
    best = Math.min(best, performance.now() - start)
  }
  await session.release()
  return (8 * 2 * size ** 3) / (best * 1e6)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'cpu' },
      queries: { type: 'string', default: '300' },
      small: { type: 'boolean', default: false },
    },
  })
  const [device, queries] = [values.device as Device, Number(values.queries)]
  console.log(JSON.stringify(await run({ device, queries, large: !values.small }), null, 2))
}
