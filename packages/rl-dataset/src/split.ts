import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { problemIn } from './problems.ts'
import type { RlMeta } from './types.ts'

/** What a split needs to know of a query; a `Group` is one. */
export interface SplitItem {
  readonly queryId: number
  readonly imageId: number | string | null
}

/** How queries are split. */
export interface SplitOptions {
  /** Seed of the order in which images go to the parts. Default 0. */
  readonly seed?: number | string
  /** Share of the queries for validation, at least. Default 0.2. */
  readonly validation?: number
  /** Share of the queries for test, at least. Default 0. */
  readonly test?: number
  /** `_meta` of the data: its `train_ids`, `val_ids` and `test_ids` are used when there are any. */
  readonly meta?: RlMeta | null
  /** Ignore the ids in `_meta`. Default false. */
  readonly resplit?: boolean
  /** Name of the data in messages. */
  readonly file?: string
}

export const SPLIT_OPTIONS: OptionNames<SplitOptions> = {
  seed: true,
  validation: true,
  test: true,
  meta: true,
  resplit: true,
  file: true,
}

/** Queries for training, validation and test. */
export interface Split<T> {
  readonly train: T[]
  readonly validation: T[]
  readonly test: T[]
  /** Queries that `_meta` puts nowhere. */
  readonly unassigned: T[]
  readonly by: 'meta' | 'image'
  /** Queries without an image; each is split as if it had one of its own. */
  readonly withoutImage: number
}

/**
 * Splits queries by image, so that no two parts share one: whole images, in seeded order, go to test, then to validation,
 * until each has its share; the rest is for training. When `_meta` says which query is in which part, that stands, and is
 * checked.
 *
 * @throws InputError if the parts of `_meta` share a query or an image; RangeError for shares outside 0..1.
 */
export function splitByImage<T extends SplitItem>(items: readonly T[], options: SplitOptions = {}): Split<T> {
  refuseUnknownOptions(options, SPLIT_OPTIONS, 'rl-dataset: splitByImage')
  const { seed = 0, validation = 0.2, test = 0, meta, resplit = false, file = 'RL data' } = options
  if (!(validation >= 0 && test >= 0 && validation + test < 1)) {
    throw new RangeError(
      `rl-dataset: shares must be in 0..1 and leave something for training; got ${validation} and ${test}`,
    )
  }
  const withoutImage = items.filter(({ imageId }) => imageId === null).length
  const parts = resplit ? undefined : partsOfMeta(meta)
  if (parts) {
    const split = { ...splitByIds(items, parts, file), by: 'meta' as const, withoutImage }
    assertDisjointImages(split, file)
    return split
  }

  const images = new Map<string, T[]>()
  for (const item of items) {
    const key = imageKey(item)
    const same = images.get(key)
    if (same) same.push(item)
    else images.set(key, [item])
  }
  const order = createRandom(seed, 'split').shuffle([...images.keys()].sort())
  const split: Split<T> = { train: [], validation: [], test: [], unassigned: [], by: 'image', withoutImage }
  for (const key of order) {
    const part =
      split.test.length < test * items.length
        ? split.test
        : split.validation.length < validation * items.length
          ? split.validation
          : split.train
    for (const item of images.get(key)!) part.push(item)
  }
  for (const part of [split.train, split.validation, split.test]) part.sort((a, b) => a.queryId - b.queryId)
  assertDisjointImages(split, file)
  return split
}

/**
 * @throws InputError if an image is in two parts. Queries without an image are not compared.
 */
export function assertDisjointImages(
  split: Pick<Split<SplitItem>, 'train' | 'validation' | 'test'>,
  file = 'RL data',
): void {
  const partOf = new Map<string, string>()
  const shared = new Map<string, string>()
  for (const part of ['train', 'validation', 'test'] as const) {
    for (const item of split[part]) {
      if (item.imageId === null) continue
      const key = imageKey(item)
      const other = partOf.get(key)
      if (other !== undefined && other !== part) shared.set(String(item.imageId), `${other} and ${part}`)
      partOf.set(key, part)
    }
  }
  const [first] = shared
  if (!first) return
  throw problemIn(
    file,
    `image ${first[0]} is in ${first[1]} (${shared.size} images are in two parts); ` +
      `split again by image (resplit, --split-by image), or repair train_ids, val_ids and test_ids in _meta`,
  )
}

type Parts = Readonly<Record<'train' | 'validation' | 'test', ReadonlySet<number>>>

function partsOfMeta(meta: RlMeta | null | undefined): Parts | undefined {
  const { train_ids, val_ids, test_ids } = meta ?? {}
  if (!train_ids && !val_ids && !test_ids) return undefined
  const numbers = (ids: RlMeta['train_ids'] = []): Set<number> => new Set(Array.from(ids, Number))
  return { train: numbers(train_ids), validation: numbers(val_ids), test: numbers(test_ids) }
}

function splitByIds<T extends SplitItem>(
  items: readonly T[],
  parts: Parts,
  file: string,
): Pick<Split<T>, 'train' | 'validation' | 'test' | 'unassigned'> {
  const split = { train: [] as T[], validation: [] as T[], test: [] as T[], unassigned: [] as T[] }
  for (const item of items) {
    const names = (['train', 'validation', 'test'] as const).filter((name) => parts[name].has(item.queryId))
    if (names.length > 1) {
      throw problemIn(
        file,
        `query ${item.queryId} is in ${names.join(' and ')} by _meta; repair the ids or split again (resplit, --split-by image)`,
      )
    }
    split[names[0] ?? 'unassigned'].push(item)
  }
  return split
}

function imageKey({ imageId, queryId }: SplitItem): string {
  return imageId === null ? `query ${queryId}` : `image ${imageId}`
}
