import { createHash, type Hash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DatasetForm, Dataset } from './example.ts'
import { cachedJoin } from './cache.ts'
import { createImageFinder } from './images/finder.ts'
import { isKeptImage } from './images/store.ts'
import { finishDataset, type Joined } from './joined.ts'
import { readOfficial } from './formats/official.ts'
import { shardsOf } from './parquet-file.ts'
import { readParquet } from './formats/parquet.ts'
import { readAokvqa, readLines } from './formats/lines.ts'
import { InputError } from '@lever/durable-files'
import type { StreamOptions } from '@lever/json-text/node'

export interface ReadDatasetOptions extends Pick<StreamOptions, 'onProgress' | 'chunkSize'> {
  /**
   * Path of the questions: an official file, the file of A-OKVQA (a list), `.jsonl` with a question a line, or a
   * `.parquet` file, which stands for all shards of its set.
   */
  readonly questions: string
  /** Path of the official annotations. Without it such examples have no answers. */
  readonly annotations?: string
  /** Folder of the images. */
  readonly images?: string
  /**
   * Name of an image file in the folder, `%012d`, `%d` or `%s` for the id. Default: the first that is there of
   * `<id>.png|.jpg`, `COCO_<split>2014_%012d.jpg|.png` and `%012d.jpg|.png`, also in a subfolder named after the split.
   */
  readonly imagePattern?: string
  readonly name?: string
  /** Also chooses among the splits of a file whose rows name theirs. */
  readonly split?: string
  /** Keep the questions of A-OKVQA that are marked as difficult to answer directly. Default false. */
  readonly keepDifficult?: boolean
  /** Folder for the joined form and for the images of parquet files, which need it. */
  readonly cache?: string
}

/**
 * Reads a dataset of any form: questions joined with answers, and images found by id or path.
 *
 * Throws InputError when a file is malformed, an id is repeated or beyond 2^53, questions and annotations do not
 * have the same ids, a question has no usable answers, or the image folder cannot be read.
 */
export async function readDataset({
  questions,
  annotations,
  images,
  imagePattern,
  name,
  split: givenSplit,
  keepDifficult = false,
  cache,
  ...stream
}: ReadDatasetOptions): Promise<Dataset> {
  const split = givenSplit === '' ? undefined : givenSplit
  const form = await formOf(questions, annotations)
  const hash = createHash('sha256')
  const read = (feed: Hash | undefined): Promise<Joined> => {
    const options = { ...stream, ...(feed && { hash: feed }), ...(split !== undefined && { split }) }
    if (form === 'official') return readOfficial({ questions, annotations }, options)
    if (form === 'aokvqa') return readAokvqa(questions, options)
    if (form === 'lines') return readLines(questions, options)
    return readParquet(questions, { wanted: split, images: cache && join(cache, 'images') })
  }
  let joined: Joined
  if (form === 'parquet' || cache !== undefined) {
    const { files } =
      form === 'parquet' ? await shardsOf(questions) : { files: [questions, annotations ?? ''] }
    for (const file of files) if (file !== '') await feedFile(file, hash)
    const source = [
      form,
      hash.copy().digest('hex'),
      split ?? null,
      form === 'official' ? annotations !== undefined : questions,
    ]
    joined = await cachedJoin(cache, source, () => read(undefined))
    if (form === 'parquet' && !imagesAreThere(joined, cache)) joined = await read(undefined)
  } else joined = await read(hash)

  const resolved = {
    ...joined,
    name: name ?? joined.name,
    split: (form === 'official' ? split : undefined) ?? joined.split,
  }
  const bases = [dirname(questions), ...(images === undefined ? [] : [images])]
  if (form === 'parquet' && cache !== undefined) bases.unshift(join(cache, 'images'))
  const findImage = await createImageFinder({
    images,
    bases,
    split: resolved.split,
    pattern: imagePattern,
    givesPaths: joined.rows.some(({ image }) => image !== undefined),
  })
  return finishDataset(resolved, {
    source: questions,
    hash: hash.digest('hex'),
    keepDifficult,
    findImage,
    images: images ?? dirname(questions),
  })
}

/** By the name, and for JSON by the first byte: a list without annotations is the file of A-OKVQA. */
async function formOf(path: string, annotations: string | undefined): Promise<DatasetForm> {
  if (/\.parquet$/i.test(path)) return 'parquet'
  if (/\.(jsonl|ndjson)$/i.test(path)) return 'lines'
  if (annotations !== undefined) return 'official'
  return (await firstByte(path)) === '[' ? 'aokvqa' : 'official'
}

/** The first byte of a file that is no space; '' when there is none or the file cannot be read. */
async function firstByte(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return ''
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    return buffer.toString('latin1', 0, bytesRead).trimStart().charAt(0)
  } catch {
    return ''
  } finally {
    await file.close()
  }
}

async function feedFile(path: string, hash: Hash): Promise<void> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  } catch (error) {
    throw new InputError(`vqa-dataset: cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}

function imagesAreThere({ rows }: Joined, cache: string | undefined): boolean {
  const paths = new Set(rows.map(({ image }) => image))
  return [...paths].every(
    (path) => path === undefined || !isKeptImage(path) || existsSync(join(cache ?? '', 'images', path)),
  )
}
