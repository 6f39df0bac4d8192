import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

import type { Pools } from './evaluate.ts'
import { poolOf } from './evaluate.ts'
import type { Example } from './types.ts'

/** What is searched for shared images and questions. */
export interface LeakageOptions {
  /** The questions of the evaluation. */
  readonly queries: readonly Example[]
  /** What demonstrations come from; RangeError where a query has none. */
  readonly pools: Pools
  /** Examples that a policy was trained on. Default none. */
  readonly training?: readonly Example[]
}

const LEAKAGE_OPTIONS: OptionNames<LeakageOptions> = { queries: true, pools: true, training: true }

/** Questions that an evaluation shares with what it may learn from. */
export interface Leakage {
  /** Queries that have an example about their own image in their pool. */
  readonly imageInPool: readonly number[]
  /** Queries about an image of the training examples. */
  readonly imageInTraining: readonly number[]
  /** Queries that are training examples themselves. */
  readonly queryInTraining: readonly number[]
}

/**
 * Looks for the images and questions of `queries` in their pools and in the training examples. Examples without an
 * image id share nothing. An evaluation on a test split should find none; another question about the query's image in
 * the pool often gives the answer away.
 */
export function findLeakage(options: LeakageOptions): Leakage {
  refuseUnknownOptions(options, LEAKAGE_OPTIONS, 'icl-eval: findLeakage')
  const { queries, pools, training = [] } = options
  const trained = imagesOf(training)
  const trainedIds = new Set(training.map(({ id }) => id))
  const pooled = new Map<readonly Example[], ReadonlyMap<string, readonly number[]>>()
  const inPool = (query: Example): boolean => {
    const pool = poolOf(pools, query)
    const images = pooled.get(pool) ?? imagesOf(pool)
    pooled.set(pool, images)
    return aboutImageOf(query, images).some((id) => id !== query.id)
  }
  const ids = (found: (query: Example) => boolean): number[] => queries.filter(found).map(({ id }) => id)
  return {
    imageInPool: ids(inPool),
    imageInTraining: ids((query) => aboutImageOf(query, trained).length > 0),
    queryInTraining: ids(({ id }) => trainedIds.has(id)),
  }
}

/** Ids of the examples about each image. */
function imagesOf(examples: readonly Example[]): Map<string, number[]> {
  const images = new Map<string, number[]>()
  for (const example of examples) {
    const image = imageOf(example)
    if (image === undefined) continue
    const known = images.get(image)
    if (known === undefined) images.set(image, [example.id])
    else known.push(example.id)
  }
  return images
}

function aboutImageOf(query: Example, images: ReadonlyMap<string, readonly number[]>): readonly number[] {
  const image = imageOf(query)
  return image === undefined ? [] : (images.get(image) ?? [])
}

const imageOf = ({ imageId }: Example): string | undefined => (imageId === null ? undefined : String(imageId))
