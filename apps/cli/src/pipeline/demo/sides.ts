import { join } from 'node:path'
import type { RunDirectory } from '@lever/durable-files'
import type { Pools } from '@lever/rl-generate'
import type { Dataset, Example } from '@lever/vqa-dataset'
import type { VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { BUNDLED } from '../../files.ts'
import { openDataset, sampleExamples } from '../inputs/dataset.ts'
import type { Features } from '../inputs/features.ts'
import { pairsOf, readEmbeddings } from '../inputs/features.ts'
import type { PolicyRecipe, Recipe } from './recipe.ts'

/** One side of the world: what demonstrations come from, the training questions (in the copying world the same), the test questions. */
export interface Side {
  readonly name: 'library' | 'train' | 'test'
  readonly dataset: Dataset
  readonly queries: readonly Example[]
}

export interface Demo {
  readonly recipe: Recipe
  readonly seed: number
  readonly run: RunDirectory
  readonly library: Side
  readonly train: Side
  readonly test: Side
  /** Opened at the first call: a finished demo needs no model. */
  readonly model: () => Promise<VqaModel>
  readonly context: Context
}

/** Best checkpoint of a policy, by name inside the run directory. */
export function checkpointFile({ name }: PolicyRecipe): string {
  return `${name}/checkpoints/best.safetensors`
}

/** Embeddings of a side, by name inside the run directory. */
export function embeddingFile(name: Side['name']): string {
  return `embeddings/${name}.safetensors`
}

/** A split of the bundled world, with the questions of it that are asked. */
export async function openSide(
  name: Side['name'],
  recipe: Recipe,
  seed: number,
  { progress }: Context,
): Promise<Side> {
  const dataset = await openDataset({ dataset: join(BUNDLED, recipe.world[name]) }, progress)
  const counts = { library: 0, train: recipe.generate.queries, test: recipe.evaluate.queries }
  const queries = await sampleExamples(dataset.examples, counts[name] ?? undefined, seed)
  return { name, dataset, queries }
}

/** The pool of every question: the part of the library that the policies see. */
export async function poolsOf(
  { recipe, seed, library }: Demo,
  { queries }: Side,
  features: Features,
): Promise<Pools> {
  const { buildPools } = await import('@lever/rl-generate')
  const { poolMethod: method, pool: size } = recipe.generate
  const candidates = library.dataset.examples
  return buildPools({ queries, candidates, method, size, seed, features: await pairsOf(features) })
}

/** Embeddings of the sides, one file each. */
export async function embedSides(
  { recipe, run, context: { progress, signal } }: Demo,
  sides: readonly Side[],
): Promise<void> {
  const { embedExamples, openEmbedder } = await import('@lever/vqa-model')
  const { writeEmbeddings } = await import('@lever/tensor-files')
  const embedder = await openEmbedder({ model: join(BUNDLED, recipe.world.model), threads: 2 })
  try {
    const total = sides.reduce((sum, { dataset }) => sum + dataset.examples.length, 0)
    const stage = progress.stage('embed', { total, unit: 'questions' })
    let before = 0
    for (const { name, dataset } of sides) {
      const onProgress = (done: number): void => stage.update(before + done)
      await writeEmbeddings(
        run.file(embeddingFile(name)),
        await embedExamples(embedder, dataset.examples, { source: dataset.hash, signal, onProgress }),
      )
      before += dataset.examples.length
    }
    stage.end()
  } finally {
    await embedder.close()
  }
}

/** Embeddings of a side's questions, and of the library. */
export async function featuresOf({ run, library }: Demo, side: Side['name']): Promise<Features> {
  const [queries, candidates] = [run.file(embeddingFile(side)), run.file(embeddingFile(library.name))]
  return { queries: await readEmbeddings(queries), candidates: await readEmbeddings(candidates) }
}
