import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createModel, writeCheckpoint } from '@lever/pointer-model'
import { writeBundle } from '@lever/selector'
import { readDataset, type Dataset } from '@lever/vqa-dataset'
import { embedExamples, getTemplate, openEmbedder } from '@lever/vqa-model'

const WORLD = fileURLToPath(new URL('../../../../fixtures/shapes-vqa', import.meta.url))
export const MODEL: string = join(WORLD, 'model')

/** The first questions of a split of the bundled world. */
export async function openSplit(split: 'train' | 'test', count: number): Promise<Dataset> {
  const dataset = await readDataset({
    questions: join(WORLD, 'world', split, 'questions.json'),
    annotations: join(WORLD, 'world', split, 'annotations.json'),
    images: join(WORLD, 'world/images'),
    split,
  })
  return { ...dataset, examples: dataset.examples.slice(0, count) }
}

/** A bundle of the first questions of its train split, with a policy of random parameters. */
export async function makeBundle(count: number, template = 'shapes'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-server-'))
  const dataset = await openSplit('train', count)
  const embedder = await openEmbedder({ model: MODEL })
  const embeddings = await embedExamples(embedder, dataset.examples, { kind: 'both', source: dataset.hash })
  await embedder.close()
  const policy = join(folder, 'policy.safetensors')
  const settings = { dim: embeddings.dim, hidden: 32 }
  const model = createModel({ architecture: 'mlp-cross-attention', settings, seed: 3 })
  await writeCheckpoint(policy, {
    model,
    info: { phase: 'rce', pool: { method: 'mixed', size: 32, seed: 5 } },
  })
  const out = join(folder, 'bundle')
  await writeBundle({
    ...{ out, dataset, embeddings, policy, shots: 2, template: getTemplate(template) },
    ...{ embedder: 'vision-pool', embedderModel: MODEL },
  })
  return out
}

/** The image of an example as a data URI. */
export async function uriOf({ image }: { readonly image?: string }): Promise<string> {
  return `data:image/png;base64,${(await readFile(image!)).toString('base64')}`
}
