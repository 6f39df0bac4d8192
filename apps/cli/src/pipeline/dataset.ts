import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import type { VqaDataset, VqaExample } from '@lever/vqa-eval/node'
import { exists, requirePath } from '../files.ts'
import { text } from '../options.ts'
import type { Option } from '../options.ts'
import type { Progress } from '../progress.ts'

/** Where a dataset lies: a folder, or its files one by one. */
export interface DatasetPlace {
  readonly dataset?: string | undefined
  readonly questions?: string | undefined
  readonly annotations?: string | undefined
  readonly images?: string | undefined
}

/** The options that name a dataset. */
export const datasetOptions: {
  readonly dataset: Option<string | undefined>
  readonly questions: Option<string | undefined>
  readonly annotations: Option<string | undefined>
  readonly images: Option<string | undefined>
} = {
  dataset: text('folder with questions.json, annotations.json, and images in ./images or ../images'),
  questions: text('official questions file, in place of --dataset', { aliases: ['train-ques-path'] }),
  annotations: text('official annotation file', { aliases: ['train-ann-path'] }),
  images: text('image folder', { aliases: ['train-coco-root'] }),
}

/** The options that name the dataset demonstrations come from. */
export const poolOptions: {
  readonly 'pool-dataset': Option<string | undefined>
  readonly 'pool-questions': Option<string | undefined>
  readonly 'pool-annotations': Option<string | undefined>
  readonly 'pool-images': Option<string | undefined>
} = {
  'pool-dataset': text('folder of the dataset that demonstrations come from', {
    shown: 'the dataset itself',
  }),
  'pool-questions': text('its questions file, in place of --pool-dataset'),
  'pool-annotations': text('its annotation file'),
  'pool-images': text('its image folder'),
}

/**
 * Reads a dataset; `prefix` is that of its options, for messages.
 * @throws InputError for files that are missing, malformed or do not belong together
 */
export async function openDataset(
  place: DatasetPlace,
  progress: Progress,
  prefix = '--',
): Promise<VqaDataset> {
  const { questions, annotations, images } = await filesOf(place, prefix)
  await requirePath(questions, `${prefix}questions`)
  if (annotations !== undefined) await requirePath(annotations, `${prefix}annotations`)
  if (images !== undefined) await requirePath(images, `${prefix}images`, 'folder')
  const { readDataset } = await import('@lever/vqa-eval/node')
  const dataset = await readDataset({
    questions,
    ...(annotations !== undefined && { annotations }),
    ...(images !== undefined && { images }),
  })
  const { missingImages, examples } = dataset
  if (examples.length === 0) throw new InputError(`${questions} holds no question; give another file`)
  if (missingImages === examples.length) {
    throw new InputError(
      `no image of ${questions} is in ${images!}: not one of ${examples.length} ids has a file like ${String(examples[0]!.imageId)}.png; check ${prefix}images`,
    )
  }
  if (missingImages > 0)
    progress.warn(`${missingImages} of ${examples.length} questions have no image in ${images!}`)
  return dataset
}

/** `count` examples of a seeded random sample, in the order of the dataset. */
export async function sampleExamples(
  examples: readonly VqaExample[],
  count: number | undefined,
  seed: number,
): Promise<readonly VqaExample[]> {
  if (count === undefined || count >= examples.length) return examples
  const { createRandom } = await import('@lever/reward-utils')
  const chosen = new Set(createRandom(seed, 'queries').sample(examples, count))
  return examples.filter((example) => chosen.has(example))
}

/** The files of a dataset. */
export interface DatasetFiles {
  readonly questions: string
  readonly annotations: string | undefined
  readonly images: string | undefined
}

/**
 * The files of a dataset; `prefix` is that of its options, for messages.
 * @throws InputError when a folder has no questions
 */
export async function filesOf(
  { dataset, questions, annotations, images }: DatasetPlace,
  prefix = '--',
): Promise<DatasetFiles> {
  if (dataset === undefined) {
    if (questions !== undefined) return { questions, annotations, images }
    throw new InputError(`there is no dataset; give ${prefix}dataset, a folder, or ${prefix}questions`)
  }
  if (questions !== undefined) {
    throw new InputError(`${prefix}dataset and ${prefix}questions both name a dataset; give one of them`)
  }
  await requirePath(dataset, `${prefix}dataset`, 'folder')
  const names = await readdir(dataset)
  return {
    questions: join(dataset, fileOf(names, 'questions') ?? refuse(dataset, prefix)),
    annotations: annotations ?? joined(dataset, fileOf(names, 'annotations')),
    images: images ?? (await imagesOf(dataset)),
  }
}

function fileOf(names: readonly string[], kind: string): string | undefined {
  const found = names.filter((name) => name.endsWith('.json') && name.includes(kind))
  return found.includes(`${kind}.json`) ? `${kind}.json` : found.length === 1 ? found[0] : undefined
}

function joined(folder: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : join(folder, name)
}

async function imagesOf(folder: string): Promise<string | undefined> {
  for (const path of [join(folder, 'images'), join(folder, '..', 'images')])
    if (await exists(path)) return path
  return undefined
}

function refuse(folder: string, prefix: string): never {
  throw new InputError(
    `${prefix}dataset: ${folder} has no questions.json; give another folder, or ${prefix}questions`,
  )
}

/** The places of the dataset and of the pool; the pool's is undefined when it is the dataset itself. */
export function placesOf(
  options: DatasetPlace & {
    readonly poolDataset?: string | undefined
    readonly poolQuestions?: string | undefined
    readonly poolAnnotations?: string | undefined
    readonly poolImages?: string | undefined
  },
): { place: DatasetPlace; poolPlace: DatasetPlace | undefined } {
  const { dataset, questions, annotations, images } = options
  const { poolDataset, poolQuestions, poolAnnotations, poolImages } = options
  const pool = {
    dataset: poolDataset,
    questions: poolQuestions,
    annotations: poolAnnotations,
    images: poolImages,
  }
  const given = Object.values(pool).some((path) => path !== undefined)
  return { place: { dataset, questions, annotations, images }, poolPlace: given ? pool : undefined }
}
