import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { describe } from '@lever/vqa-eval'
import { openImageStore, type ImageStore } from '../images/store.ts'
import type { Joined } from '../joined.ts'
import { readParquetRows, shardsOf } from '../parquet-file.ts'
import { readRow, ROW_FIELDS, type GivenRow } from '../row.ts'
import { feedFile } from '../feed-file.ts'
import { joinRows } from '../join-rows.ts'
import { splitOfName } from '../splits.ts'
import type { DatasetFormat, FormatReadOptions, FoundDataset } from './format.ts'

/** The Hub's form: shards of parquet, with the images in them or beside them. */
export const parquet: DatasetFormat = {
  looksLike: '*.parquet, also in data/',
  hasAnnotations: false,
  answersIn: 'a column "answers" with lists of the human answers',
  splitBy: 'file',
  images: 'inside',
  find: findParquet,
  fileName: /\.parquet$/i,
  files: async ({ questions }) => (await shardsOf(questions)).files,
  read: readParquet,
}

/**
 * The Hub's form: shards with the columns of the official files or of A-OKVQA, and images as `{bytes, path}`. Without
 * `image_id`, an image is known by the number in its COCO name, else by the hash of its bytes. Ids of digits are integers.
 * Images are kept in the folder `images`.
 */
async function readParquet({
  questions: path,
  split: wanted,
  images,
  hash,
}: FormatReadOptions): Promise<Joined> {
  const store = images === undefined ? undefined : openImageStore(images)
  const { files, of } = await shardsOf(path)
  const rows: GivenRow[] = []
  for (const file of files) {
    if (hash !== undefined) await feedFile(file, hash)
    let place = 0
    for await (const group of readParquetRows(file, [...ROW_FIELDS, 'image'])) {
      for (const { image, ...columns } of group) {
        const name = `vqa-dataset: ${file}: row ${place++}`
        const row = readRow(
          new Map(Object.entries(columns).map(([key, value]) => [key, plain(value)])),
          name,
          rows.length,
        )
        rows.push({ ...row, ...(await readImage(image, row.imageId, name, store)) })
      }
    }
  }
  const notices = of > files.length ? [`${files.length} of ${of} shards of ${path} are there`] : []
  const given = withNumbers(rows)
  const split = splitOfName(basename(path)) || basename(path).replace(/-\d{5}-of-\d{5}.*$|\.parquet$/, '')
  return joinRows(given, {
    unit: 'row',
    name: 'parquet',
    path,
    wanted,
    split: /^\d*$/.test(split) ? splitOfName(basename(dirname(path))) : split,
    notices,
  })
}

async function readImage(
  value: unknown,
  imageId: number | string | null,
  name: string,
  store: ImageStore | undefined,
): Promise<{ image?: string; imageId: number | string | null }> {
  if (value === null || value === undefined) return { imageId }
  if (typeof value === 'string') return { image: value, imageId }
  const { bytes, path } = value as { bytes?: unknown; path?: unknown }
  const file = typeof path === 'string' ? path : undefined
  if (bytes instanceof Uint8Array) {
    if (store === undefined) {
      throw new InputError(`${name}: it holds its image; give a folder to keep images in (cache)`)
    }
    return { image: await store.put(bytes), imageId: imageId ?? cocoNumber(file) ?? hashOf(bytes) }
  }
  if (file !== undefined) return { image: file, imageId: imageId ?? cocoNumber(file) }
  throw new InputError(`${name}: image must hold bytes or a path, got ${describe(value)}`)
}

/** 297147 of `COCO_val2014_000000297147.jpg`. */
function cocoNumber(path: string | undefined): number | null {
  const found = /(?:^|[_/\\])(\d{12})\.\w+$/.exec(path ?? '')?.[1]
  return found === undefined ? null : Number(found)
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32)
}

/** OK-VQA of lmms-lab keeps its integer ids as texts. */
function withNumbers(rows: readonly GivenRow[]): readonly GivenRow[] {
  const isNumber = ({ questionId }: GivenRow): boolean =>
    typeof questionId === 'string' &&
    /^(0|[1-9]\d{0,15})$/.test(questionId) &&
    Number.isSafeInteger(+questionId)
  if (!rows.every(isNumber)) return rows
  return rows.map((row) => ({ ...row, questionId: Number(row.questionId) }))
}

/** Objects as Maps, texts that came as bytes as strings. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  return new Map(Object.entries(value).map(([key, field]) => [key, plain(field)]))
}

/** One for each set of shards, in the folder, in `data`, or as the Hub's converter lays them out. */
async function findParquet(folder: string, names: readonly string[]): Promise<FoundDataset[]> {
  const sets = new Map<string, FoundDataset>()
  const add = (at: string, name: string, split: string): void => {
    const set = join(at, name.replace(/-\d{5}-of-\d{5}.*$|^\d{4}\.parquet$|\.parquet$/, ''))
    if (!sets.has(set)) sets.set(set, { split, questions: join(at, name) })
  }
  const visit = async (at: string, there: readonly string[], depth: number): Promise<void> => {
    for (const name of there) {
      if (/\.parquet$/i.test(name)) add(at, name, splitOfName(name) || splitOfName(basename(at)))
      else if (depth < 2 && /^(data|default|train|val|validation|test|testdev|.*20\d\d)$/i.test(name)) {
        const within = join(at, name)
        await visit(within, (await readdir(within).catch(() => [])).sort(), depth + 1)
      }
    }
  }
  await visit(folder, names, 0)
  return [...sets.values()]
}
