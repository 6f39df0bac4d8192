import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { createModel, writeCheckpoint } from '@lever/pointer-model'
import { openSelector, writeBundle, type OpenSelector, type SelectQuery } from '@lever/selector'
import type { Embeddings } from '@lever/tensor-files'
import { readDataset, type Example } from '@lever/vqa-dataset'
import { embedExamples, getTemplate, openEmbedder } from '@lever/vqa-model'
import { surface } from './support/surface.ts'

const WORLD = fileURLToPath(new URL('../fixtures/shapes-vqa', import.meta.url))
const MODEL = join(WORLD, 'model')

interface Times {
  readonly medianMilliseconds: number
  readonly p99Milliseconds: number
}

export interface SelectorFigures {
  /** A library of the size of VQA v2 train with CLIP's embeddings: the choice alone, one question at a time. */
  readonly large: Times & {
    rows: number
    dim: number
    pool: number
    shots: number
    bundleSeconds: number
    openSeconds: number
    rssMegabytes: number
  }
  /** The bundled world: images never seen are embedded, `clients` ask one after the other. */
  readonly world: readonly (Times & { clients: number; perSecond: number; questions: number })[]
}

/** `LEVER_SELECTOR=rows,dim,queries` changes the large library. */
export async function run({
  size = process.env['LEVER_SELECTOR'] ?? '443757,768,500',
  clients = [1, 20],
  questions = 2000,
} = {}): Promise<SelectorFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-selector-'))
  try {
    const world = await measureWorld(join(folder, 'world'), clients, questions)
    return { world, large: await measureLarge(join(folder, 'large'), size) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureLarge(out: string, size: string): Promise<SelectorFigures['large']> {
  const [rows, dim, asked] = size.split(',').map(Number) as [number, number, number]
  const embedder = await openEmbedder({ model: MODEL })
  const draw = surface(dim)
  const embeddings: Embeddings = {
    ...{ ids: Array.from({ length: rows }, (_, row) => row), data: draw(rows, 'rows'), dim },
    ...{ kind: 'both', imageDim: 0, model: embedder.name, modelHash: embedder.hash, source: '' },
  }
  await embedder.close()
  const examples = embeddings.ids.map((id): Example => {
    const text = { question: `what is number ${id} of all ?`, answer: `${id}`, answers: [`${id}`] }
    return { id, questionId: id, imageId: Math.floor(id / 5), ...text }
  })
  const settings = { shots: 4, pool: 64 }
  const begun = performance.now()
  await writeBundle({
    ...{ out, embeddings, embedder: 'vision-pool', embedderModel: MODEL, shots: settings.shots },
    dataset: { name: 'synthetic', split: 'train', hash: 'synthetic', examples },
    policy: await policyOf(`${out}.safetensors`, dim, 'both-similar'),
    template: getTemplate('lever-plus'),
    ...{ index: true, indexThreads: 2 },
  })
  const written = performance.now()
  const selector = await openSelector(out)
  const opened = performance.now()
  const queries = draw(asked, 'queries')
  const one = (i: number): SelectQuery => ({
    question: 'what is it ?',
    embedding: queries.slice(i * dim, (i + 1) * dim),
    imageId: i,
  })
  for (let i = 0; i < 20; i++) await selector.select(one(i))
  const { times } = await ask(
    selector,
    Array.from({ length: asked }, (_, i) => one(i)),
    1,
  )
  await selector.close()
  return {
    ...{ rows, dim, ...settings, ...summary(times) },
    bundleSeconds: (written - begun) / 1000,
    openSeconds: (opened - written) / 1000,
    rssMegabytes: process.memoryUsage().rss / 1e6,
  }
}

async function measureWorld(
  out: string,
  clients: readonly number[],
  questions: number,
): Promise<SelectorFigures['world']> {
  const split = (name: string): Promise<Awaited<ReturnType<typeof readDataset>>> =>
    readDataset({
      questions: join(WORLD, 'world', name, 'questions.json'),
      annotations: join(WORLD, 'world', name, 'annotations.json'),
      images: join(WORLD, 'world/images'),
      split: name,
    })
  const [dataset, test] = [await split('train'), await split('test')]
  const embedder = await openEmbedder({ model: MODEL })
  const embeddings = await embedExamples(embedder, dataset.examples, { source: dataset.hash })
  await embedder.close()
  await writeBundle({
    ...{ out, dataset, embeddings, embedder: 'vision-pool', embedderModel: MODEL, shots: 2 },
    policy: await policyOf(`${out}.safetensors`, embeddings.dim, 'mixed'),
    template: getTemplate('shapes'),
  })
  const selector = await openSelector(out)
  const figures = []
  let drawn = 0
  for (const count of clients) {
    const asked: SelectQuery[] = []
    for (let i = 0; i < questions; i++) {
      const { question, image } = test.examples[i % test.examples.length]!
      asked.push({ question, image: await neverSeen(image!, drawn++) })
    }
    await ask(selector, asked.splice(0, 40), count)
    const { times, seconds } = await ask(selector, asked, count)
    figures.push({
      clients: count,
      questions: times.length,
      perSecond: times.length / seconds,
      ...summary(times),
    })
  }
  await selector.close()
  return figures
}

/** The image with one pixel of its own, as a PNG. */
async function neverSeen(path: string, number: number): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  const { data, info } = await sharp(await readFile(path))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  data.writeUInt32LE((data.readUInt32LE(0) + number) >>> 0, 0)
  const { width, height } = info
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

async function policyOf(path: string, dim: number, method: string): Promise<string> {
  const model = createModel({ architecture: 'mlp-cross-attention', settings: { dim }, seed: 0 })
  await writeCheckpoint(path, { model, info: { phase: 'rce', pool: { method, size: 64, seed: 0 } } })
  return path
}

/** Milliseconds of every question, where `clients` ask one after the other. */
async function ask(
  selector: OpenSelector,
  queries: readonly SelectQuery[],
  clients: number,
): Promise<{ times: number[]; seconds: number }> {
  const times: number[] = []
  const left = queries.values()
  const client = async (): Promise<void> => {
    for (const query of left) {
      const from = performance.now()
      await selector.select(query)
      times.push(performance.now() - from)
    }
  }
  const from = performance.now()
  await Promise.all(Array.from({ length: clients }, client))
  return { times, seconds: (performance.now() - from) / 1000 }
}

function summary(times: readonly number[]): Times {
  const sorted = [...times].sort((a, b) => a - b)
  return {
    medianMilliseconds: sorted[Math.floor(sorted.length / 2)]!,
    p99Milliseconds: sorted[Math.floor(sorted.length * 0.99)]!,
  }
}
