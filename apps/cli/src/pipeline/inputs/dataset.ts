import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { hashOf, InputError } from '@lever/durable-files'
import type { Dataset, Example, IdentifiedImages, LookAt } from '@lever/vqa-dataset'
import { requirePath } from '../../files.ts'
import type { Progress } from '@lever/terminal'

/** Where a dataset lies: a folder or a file of it, or its files one by one. */
export interface DatasetPlace {
  readonly dataset?: string | undefined
  readonly questions?: string | undefined
  readonly annotations?: string | undefined
  readonly images?: string | undefined
  /** Which of several splits that lie together. */
  readonly split?: string | undefined
  /** Read it without the questions whose image is not there. */
  readonly skipMissingImages?: boolean | undefined
  readonly allowOutsideImages?: boolean | undefined
}

/** Bytes of files from which the joined form is worth keeping. */
const LARGE = 32e6

/**
 * Reads a dataset whose images are needed; `prefix` is that of its options, for messages.
 * @throws InputError for files that are missing, malformed or do not belong together, or when no image is there
 */
export async function openDataset(place: DatasetPlace, progress: Progress, prefix = '--'): Promise<Dataset> {
  const files = await filesOf(place, prefix)
  const dataset = await readFiles(files, prefix, lookAt)
  const { missingImages, examples, notices } = dataset
  if (missingImages === examples.length) {
    throw new InputError(`no image of ${files.questions} is there: ${notices.at(-1)!}; check ${prefix}images`)
  }
  for (const notice of notices) progress.warn(notice)
  if (missingImages === 0) return dataset
  if (files.skipMissingImages !== true) {
    progress.info('--skip-unreadable-images leaves out questions without an image')
    return dataset
  }
  progress.warn(`${missingImages} questions without an image are left out`)
  return partOf(dataset, ({ image }) => image !== undefined)
}

/** A part of a dataset: another one, and so of another hash. */
export function partOf(dataset: Dataset, isKept: (example: Example) => boolean): Dataset {
  const examples = dataset.examples.filter(isKept)
  const ids = examples.map(({ id }) => id)
  const missingImages = examples.filter(({ image }) => image === undefined).length
  return { ...dataset, examples, missingImages, hash: hashOf({ dataset: dataset.hash, ids }) }
}

/**
 * Reads a dataset of any form, with images or without; with `look`, images that look alike are one. The joined form of large files and the images of parquet
 * files are kept in `LEVER_CACHE`, or ~/.cache/lever.
 * @throws InputError for files that are missing, malformed or do not belong together
 */
export async function readFiles(files: DatasetFiles, prefix = '--', look?: LookAt): Promise<Dataset> {
  const { questions, annotations, images, split, allowOutsideImages } = files
  const isPattern = /[*?]/.test(questions)
  if (!isPattern) await requirePath(questions, `${prefix}questions`)
  if (annotations !== undefined) await requirePath(annotations, `${prefix}annotations`)
  if (images !== undefined) await requirePath(images, `${prefix}images`, 'folder')
  const { readDataset } = await import('@lever/vqa-dataset')
  const bytes = await Promise.all([questions, annotations].map((path) => sizeOf(path)))
  const isLarge = /\.parquet$/i.test(questions) || bytes.reduce((a, b) => a + b, 0) > LARGE
  const dataset = await readDataset({
    questions,
    ...(annotations !== undefined && { annotations }),
    ...(images !== undefined && { images }),
    ...(split !== undefined && { split }),
    ...(allowOutsideImages === true && { allowOutsideImages }),
    ...(isLarge && { cache: cacheFolder() }),
    ...(look && { look, imageCache: cacheFolder() }),
  })
  if (dataset.examples.length > 0) return dataset
  throw new InputError(`${questions} holds no question; give another file`)
}

function cacheFolder(): string {
  return process.env['LEVER_CACHE'] || join(homedir(), '.cache', 'lever')
}

/**
 * Datasets that are used together, with one image id for every picture; says where their ids misled. Images that look
 * alike count as one, unless there are very many.
 */
export async function openTogether(datasets: readonly Dataset[], progress: Progress): Promise<Dataset[]> {
  const files = imageFilesOf(datasets)
  const { NEAR_IMAGES, nearImageNotice } = await import('@lever/vqa-dataset')
  const isNear = files.size <= NEAR_IMAGES
  const identified = await identify(datasets, isNear)
  const { clashes, near } = identified
  if (!isNear)
    progress.info(
      `${files.size} images are compared by their bytes alone; lever data describe --all-images finds those that look alike`,
    )
  const alike = nearImageNotice(near)
  if (alike !== undefined) progress.warn(alike)
  if (clashes > 0)
    progress.info(
      `${clashes} image ids mean one picture in the questions and another in the library; they count as different images`,
    )
  return [...identified.datasets]
}

/** Every image file of some datasets. */
export function imageFilesOf(datasets: readonly Dataset[]): ReadonlySet<string> {
  return new Set(
    datasets.flatMap(({ examples }) => examples.flatMap(({ image }) => (image === undefined ? [] : [image]))),
  )
}

/** One image id for every picture of some datasets; `near` also for images that look alike. */
export async function identify(
  datasets: readonly Dataset[],
  near: boolean,
  look: LookAt = lookAt,
): Promise<IdentifiedImages<Dataset>> {
  const { identifyImages } = await import('@lever/vqa-dataset')
  return identifyImages(datasets, { cache: cacheFolder(), look, near })
}

async function lookAt(path: string): Promise<Uint8Array | undefined> {
  return (await import('@lever/vqa-model')).lookAtImage(path)
}

async function sizeOf(path: string | undefined): Promise<number> {
  return path === undefined
    ? 0
    : stat(path).then(
        ({ size }) => size,
        () => 0,
      )
}

/** `count` examples of a seeded random sample, in the order of the dataset. */
export async function sampleExamples(
  examples: readonly Example[],
  count: number | undefined,
  seed: number,
): Promise<readonly Example[]> {
  if (count === undefined || count >= examples.length) return examples
  const { createRandom } = await import('@lever/reward-utils')
  const chosen = new Set(createRandom(seed, 'queries').sample(examples, count))
  return examples.filter((example) => chosen.has(example))
}

/** The files of a dataset. */
export interface DatasetFiles {
  /** A path; one shard stands for all of its set. */
  readonly questions: string
  readonly annotations: string | undefined
  readonly images: string | undefined
  readonly split: string | undefined
  readonly skipMissingImages?: boolean | undefined
  readonly allowOutsideImages?: boolean | undefined
}

/**
 * The files of a dataset; `prefix` is that of its options, for messages.
 * @throws InputError if there is none, or several and no split is chosen
 */
export async function filesOf(
  { dataset, questions, annotations, images, split, ...how }: DatasetPlace,
  prefix = '--',
): Promise<DatasetFiles> {
  if (dataset === undefined) {
    if (questions !== undefined) return { questions, annotations, images, split, ...how }
    throw new InputError(`there is no dataset; give ${prefix}dataset, a folder, or ${prefix}questions`)
  }
  if (questions !== undefined) {
    throw new InputError(`${prefix}dataset and ${prefix}questions both name a dataset; give one of them`)
  }
  const { locateDataset } = await import('@lever/vqa-dataset')
  const found = await locateDataset(dataset, { split, flag: `${prefix}dataset` })
  return {
    questions: found.questions,
    annotations: annotations ?? found.annotations,
    images: images ?? found.images,
    split: found.split || undefined,
    ...how,
  }
}

/** The places of the dataset and of the pool; the pool's is undefined when it is the dataset itself. */
export function placesOf(
  options: DatasetPlace & {
    readonly skipUnreadableImages?: boolean | undefined
    readonly allowOutsideImages?: boolean | undefined
    readonly poolDataset?: string | undefined
    readonly poolQuestions?: string | undefined
    readonly poolAnnotations?: string | undefined
    readonly poolImages?: string | undefined
    readonly poolSplit?: string | undefined
  },
): { place: DatasetPlace; poolPlace: DatasetPlace | undefined } {
  const { dataset, questions, annotations, images, split } = options
  const skip = {
    ...(options.skipUnreadableImages === true && { skipMissingImages: true }),
    ...(options.allowOutsideImages === true && { allowOutsideImages: true }),
  }
  const { poolDataset, poolQuestions, poolAnnotations, poolImages, poolSplit } = options
  const pool = {
    dataset: poolDataset,
    questions: poolQuestions,
    annotations: poolAnnotations,
    images: poolImages,
    split: poolSplit,
  }
  const place = { dataset, questions, annotations, images, split, ...skip }
  const isGiven = Object.values(pool).some((path) => path !== undefined)
  const isOtherSplit = (poolDataset ?? poolQuestions) === undefined && poolSplit !== undefined
  const own = { ...pool, dataset, questions, images: poolImages ?? images }
  return { place, poolPlace: isGiven ? { ...(isOtherSplit ? own : pool), ...skip } : undefined }
}
