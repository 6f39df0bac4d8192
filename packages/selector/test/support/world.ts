import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createModel, writeCheckpoint } from '@lever/pointer-model'
import type { Embeddings } from '@lever/tensor-files'
import { readDataset, type Dataset } from '@lever/vqa-dataset'
import { embedExamples, getTemplate, openEmbedder } from '@lever/vqa-model'
import { writeBundle, type BundleManifest, type WriteBundleOptions } from '../../src/index.ts'

export const WORLD: string = fileURLToPath(new URL('../../../../fixtures/shapes-vqa', import.meta.url))
export const MODEL: string = join(WORLD, 'model')

/** A split of the bundled world, or its first questions. */
export async function openSplit(split: 'train' | 'test', count = Infinity): Promise<Dataset> {
  const dataset = await readDataset({
    questions: join(WORLD, 'world', split, 'questions.json'),
    annotations: join(WORLD, 'world', split, 'annotations.json'),
    images: join(WORLD, 'world/images'),
    split,
  })
  return { ...dataset, examples: dataset.examples.slice(0, count) }
}

/** Its embeddings, as `lever embed` makes them. */
export async function embed(
  { examples, hash }: Dataset,
  kind: Embeddings['kind'] = 'both',
): Promise<Embeddings> {
  const embedder = await openEmbedder({ model: MODEL })
  try {
    return await embedExamples(embedder, examples, { kind, source: hash })
  } finally {
    await embedder.close()
  }
}

export const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), 'lever-selector-'))

/** A checkpoint of a policy with random parameters, which chooses as surely as a trained one. */
export async function randomPolicy(folder: string, dim: number, seed = 3): Promise<string> {
  const path = join(folder, `policy-${seed}.safetensors`)
  const model = createModel({ architecture: 'mlp-cross-attention', settings: { dim, hidden: 32 }, seed })
  const info = { phase: 'rce', pool: { method: 'mixed', size: 32, seed: 5 } }
  await writeCheckpoint(path, { model, info })
  return path
}

export interface Bundled {
  readonly folder: string
  readonly manifest: BundleManifest
  readonly train: Dataset
  readonly embeddings: Embeddings
  readonly policy: string
}

/** A bundle of the first questions of the world's train split. */
export async function bundleOf(count: number, options: Partial<WriteBundleOptions> = {}): Promise<Bundled> {
  const folder = await scratch()
  const train = await openSplit('train', count)
  const embeddings = options.embeddings ?? (await embed(train))
  const policy = await randomPolicy(folder, embeddings.dim)
  const out = join(folder, 'bundle')
  const manifest = await writeBundle({
    ...{ out, dataset: train, embeddings, policy, shots: 2, template: getTemplate('shapes') },
    ...{ embedder: 'vision-pool', embedderModel: MODEL },
    ...options,
  })
  return { folder: out, manifest, train, embeddings, policy }
}
