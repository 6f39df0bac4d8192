import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  buildPools,
  growBeams,
  type AnchorBeams,
  type BeamStatistics,
  type ConstructOrder,
} from '@lever/rl-generate'
import { readDataset, type Example } from '@lever/vqa-dataset'
import { infoScore, openVqaModel, type VqaModel, type VqaModelStats } from '@lever/vqa-model'

export interface BeamFigures {
  order: ConstructOrder
  anchors: number
  /** Two worker threads, images read and encoded, journal written with fsync. */
  seconds: number
  cpuSeconds: number
  prompts: number
  /** Tokens that went through the decoder, and images through the encoder. */
  tokens: number
  imageEncodes: number
  /** The same with answers decoded besides the scores: scores that differ, and processor time with scores alone over it. */
  decoding: { cpuSeconds: number; different: number; ratio: number }
  /** The same again on the finished journal: nothing is asked. */
  resumeSeconds: number
  /**
   * The scheme of the original: the same prompts one by one and whole, on some of the anchors, per anchor; of how many
   * of them the beams differ from ours.
   */
  original: {
    sampled: number
    different: number
    prompts: number
    tokens: number
    imageEncodes: number
    cpuSeconds: number
  }
  /** Per anchor, ours over the original's. */
  ratio: { prompts: number; tokens: number; imageEncodes: number; cpuSeconds: number }
}

const ROOT = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
const [SHOTS, WIDTH, POOL] = [2, 5, 64]

/** InfoScore beams of anchors of the bundled world, in both orders of construction, against the original's scheme. */
export async function run({ anchors = 200, sample = 6 } = {}): Promise<BeamFigures[]> {
  const { examples } = await readDataset({
    questions: `${ROOT}world/train/questions.json`,
    annotations: `${ROOT}world/train/annotations.json`,
    images: `${ROOT}world/images`,
  })
  const folder = await mkdtemp(join(tmpdir(), 'lever-bench-'))
  const figures: BeamFigures[] = []
  try {
    for (const order of ['after', 'before'] as const) {
      const journal = join(folder, `${order}.jsonl`)
      const decodedJournal = join(folder, `${order}-decoded.jsonl`)
      const fast = { anchors, order, workers: 2, sharing: true }
      const decoded = await grow(examples, { ...fast, journal: decodedJournal, scoresOnly: false })
      const ours = await grow(examples, { ...fast, journal })
      const found = new Map(ours.beams.map((anchor) => [anchor.query.id, anchor]))
      const [lines, decodedLines] = await Promise.all([journal, decodedJournal].map(sortedLines))
      const again = await grow(examples, { ...fast, journal })
      if (again.statistics.prompts !== 0) throw new Error('bench: scores were lost')
      const plainJournal = join(folder, `${order}-plain.jsonl`)
      const plain = await grow(examples, {
        anchors: sample,
        order,
        journal: plainJournal,
        workers: 1,
        sharing: false,
      })
      // The original scores 64 + 5 x 63 prompts and encodes the images of each anew.
      const prompts = POOL + (SHOTS - 1) * WIDTH * (POOL - 1)
      const original = {
        sampled: sample,
        different: plain.beams.filter((anchor) => idsOf(anchor) !== idsOf(found.get(anchor.query.id)!))
          .length,
        prompts,
        tokens: (prompts * plain.stats.prefillTokens) / plain.statistics.prompts,
        imageEncodes: 2 * POOL + 3 * WIDTH * (POOL - 1),
        cpuSeconds: plain.cpuSeconds / sample,
      }
      figures.push({
        order,
        anchors,
        seconds: ours.statistics.seconds,
        cpuSeconds: ours.cpuSeconds,
        prompts: ours.statistics.prompts,
        tokens: ours.stats.prefillTokens,
        imageEncodes: ours.stats.imageEncodes,
        decoding: {
          cpuSeconds: decoded.cpuSeconds,
          different: lines!.filter((line, i) => line !== decodedLines![i]).length,
          ratio: ours.cpuSeconds / decoded.cpuSeconds,
        },
        resumeSeconds: again.statistics.seconds,
        original,
        ratio: {
          prompts: ours.statistics.prompts / anchors / original.prompts,
          tokens: ours.stats.prefillTokens / anchors / original.tokens,
          imageEncodes: ours.stats.imageEncodes / anchors / original.imageEncodes,
          cpuSeconds: ours.cpuSeconds / anchors / original.cpuSeconds,
        },
      })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return figures
}

async function sortedLines(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).split('\n').sort()
}

function idsOf({ beams }: AnchorBeams): string {
  return beams.map(({ ids }) => ids.join()).join(' ')
}

interface Grown {
  beams: readonly AnchorBeams[]
  statistics: BeamStatistics
  stats: VqaModelStats
  cpuSeconds: number
}

async function grow(
  candidates: readonly Example[],
  options: {
    anchors: number
    order: ConstructOrder
    journal: string
    workers: number
    sharing: boolean
    scoresOnly?: boolean
  },
): Promise<Grown> {
  const { anchors, order, journal, workers, sharing, scoresOnly = true } = options
  const queries = candidates.slice(0, anchors)
  const { byQuery: pools } = await buildPools({ queries, candidates, size: POOL, seed: 0 })
  const model = await openVqaModel({ backend: 'onnx', model: `${ROOT}model`, threads: 1, workers, sharing })
  const cpu = process.cpuUsage()
  try {
    for await (const event of growBeams({
      queries,
      candidates,
      pools,
      scoreGroundTruth: (prompts) => scoresOf(model, prompts, scoresOnly),
      infoScore,
      journal,
      meta: { protocol: { hash: model.protocolHash }, shot_num: SHOTS },
      width: WIDTH,
      order,
      concurrency: workers,
    })) {
      if (event.type !== 'done') continue
      const { user, system } = process.cpuUsage(cpu)
      const { beams, statistics } = event
      return { beams, statistics, stats: model.stats(), cpuSeconds: (user + system) / 1e6 }
    }
    throw new Error('bench: the beams did not end')
  } finally {
    await model.close()
  }
}

async function scoresOf(
  model: VqaModel,
  prompts: Parameters<Parameters<typeof growBeams>[0]['scoreGroundTruth']>[0],
  scoresOnly: boolean,
): Promise<{ logProb: number; tokens: number }[]> {
  const answers = await model.answer(
    prompts.map(({ demonstrations, query }) => ({
      demonstrations: demonstrations.map(({ id, image, question, answer }) => ({
        id,
        image: image!,
        question,
        answer,
      })),
      query: { id: query.id, image: query.image!, question: query.question },
      scoreAnswers: [query.answer],
    })),
    { scoresOnly },
  )
  return answers.map(({ scores }) => scores![0]!)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const anchors = Number(process.env['ANCHORS'] ?? 200)
  console.log(JSON.stringify(await run({ anchors }), null, 2))
}
