import { createHash, type Hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { InputError } from '@lever/durable-files'
import type { StreamOptions } from '@lever/json-text/node'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { cachedJoin } from './cache.ts'
import type { Dataset } from './dataset.ts'
import { feedFile } from './feed-file.ts'
import { finishDataset } from './finish.ts'
import { FORMATS, formatOf, type DatasetForm } from './format-of.ts'
import { streamOptions, type DatasetFormat } from './formats/format.ts'
import { createImageFinder } from './images/finder.ts'
import { identifyImages, nearImageNotice, sameImageNotice } from './images/identity.ts'
import type { LookAt } from './images/look.ts'
import { isKeptImage } from './images/store.ts'
import type { Joined } from './joined.ts'

/** Image files up to which all are looked at, to find those that look alike. */
export const NEAR_IMAGES = 5000

/** Files of a dataset, and how they are read. */
export interface ReadDatasetOptions extends Pick<StreamOptions, 'onProgress' | 'chunkSize'> {
  /**
   * Path of the questions: an official file, the file of A-OKVQA (a list), `.jsonl` with a question a line, or a
   * `.parquet` file, which stands for all shards of its set.
   */
  readonly questions: string
  /** The form that `locateDataset` found; it is read off the file again. */
  readonly form?: DatasetForm
  /** Path of the official annotations. Without it such examples have no answers. */
  readonly annotations?: string
  /** Folder of the images. */
  readonly images?: string
  /**
   * Name of an image file in the folder, `%012d`, `%d` or `%s` for the id. Default: the first that is there of
   * `<id>.png|.jpg`, `COCO_<split>2014_%012d.jpg|.png` and `%012d.jpg|.png`, also in a subfolder named after the split.
   */
  readonly imagePattern?: string
  /** Name of the dataset. Default what its files say. */
  readonly name?: string
  /** Also chooses among the splits of a file whose rows name theirs. */
  readonly split?: string
  /** Keep the questions of A-OKVQA that are marked as difficult to answer directly. Default false. */
  readonly keepDifficult?: boolean
  /** Folder for the joined form and for the images of parquet files, which need it. */
  readonly cache?: string
  /**
   * Reads an image small (`lookAtImage` of `vqa-model`). With it files that look alike count as one image too, where there
   * are at most {@link NEAR_IMAGES} of them: every one is decoded.
   */
  readonly look?: LookAt
  /** Folder for what was seen of images. Default `cache`. */
  readonly imageCache?: string
  /** Read images outside the folder of the questions and `images` too, by absolute path, `..` or link. Default false. */
  readonly allowOutsideImages?: boolean
}

export const READ_DATASET_OPTIONS: OptionNames<ReadDatasetOptions> = {
  questions: true,
  form: true,
  annotations: true,
  images: true,
  imagePattern: true,
  name: true,
  split: true,
  keepDifficult: true,
  cache: true,
  allowOutsideImages: true,
  look: true,
  imageCache: true,
  onProgress: true,
  chunkSize: true,
}

/**
 * Reads a dataset of any form: questions joined with answers, and images found by id or path. Images of equal bytes have
 * one id; with `look`, so have images that look alike.
 * @throws InputError if a file is malformed, an id is repeated or beyond 2^53, questions and annotations do not have the
 *   same ids, a question has no usable answers, or the image folder cannot be read
 */
export async function readDataset(options: ReadDatasetOptions): Promise<Dataset> {
  refuseUnknownOptions(options, READ_DATASET_OPTIONS, 'vqa-dataset: readDataset')
  const {
    questions,
    annotations,
    images,
    imagePattern,
    name,
    split: givenSplit,
    keepDifficult = false,
    cache,
    allowOutsideImages = false,
    look,
    imageCache = cache,
  } = options
  const split = givenSplit === '' ? undefined : givenSplit
  const form = await formatOf(questions, annotations)
  const format: DatasetFormat = FORMATS[form]
  if (annotations !== undefined && !format.hasAnnotations) {
    throw new InputError(
      `vqa-dataset: ${questions} holds its own answers, so the annotations ${annotations} would be ignored; leave them out`,
    )
  }
  const keeps = format.images === 'inside' && cache !== undefined ? join(cache, 'images') : undefined
  const hash = createHash('sha256')
  const read = (feed?: Hash): Promise<Joined> =>
    format.read({
      ...streamOptions(options),
      questions,
      annotations,
      split,
      images: keeps,
      ...(feed && { hash: feed }),
    })
  let joined: Joined
  if (cache === undefined) joined = await read(hash)
  else {
    for (const file of await format.files({ questions, annotations })) await feedFile(file, hash)
    const about = format.hasAnnotations ? annotations !== undefined : questions
    const source = [form, hash.copy().digest('hex'), split ?? null, about]
    joined = await cachedJoin(cache, source, () => read())
    if (keeps !== undefined && !imagesAreThere(joined, keeps)) joined = await read()
  }
  const folder = dirname(questions)
  const findImage = await createImageFinder({
    images,
    bases: [keeps, folder, images].filter((base) => base !== undefined),
    split: joined.split,
    pattern: imagePattern,
    givesPaths: joined.rows.some(({ image }) => image !== undefined),
    allowOutside: allowOutsideImages,
  })
  const dataset = finishDataset(
    { ...joined, name: name ?? joined.name },
    {
      form,
      source: questions,
      hash: hash.digest('hex'),
      keepDifficult,
      findImage,
      images: images ?? folder,
    },
  )
  return findImage === null ? dataset : withIdentity(dataset, { cache: imageCache, look })
}

/** One id for every picture of the dataset, and notices of those that lie there more than once. */
async function withIdentity(
  dataset: Dataset,
  { cache, look }: { readonly cache: string | undefined; readonly look: LookAt | undefined },
): Promise<Dataset> {
  const files = new Set(dataset.examples.map(({ image }) => image))
  const near = look !== undefined && files.size <= NEAR_IMAGES
  const { datasets, same, near: alike } = await identifyImages([dataset], { cache, look, near })
  const notices = [sameImageNotice(same), nearImageNotice(alike)].filter((notice) => notice !== undefined)
  if (notices.length === 0) return datasets[0]!
  return {
    ...datasets[0]!,
    ...(same.length > 0 && { sameImages: same }),
    notices: [...dataset.notices, ...notices],
  }
}

function imagesAreThere({ rows }: Joined, folder: string): boolean {
  const paths = new Set(rows.map(({ image }) => image))
  return [...paths].every(
    (path) => path === undefined || !isKeptImage(path) || existsSync(join(folder, path)),
  )
}
