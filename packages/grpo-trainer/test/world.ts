import { normalizeGroup, createRandom } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'
import type { TrainingData } from '../src/data.ts'

export interface WorldOptions {
  queries: number
  validation?: number
  pool: number
  pointers: number
  shots?: number
  dim?: number
  keys?: number
  seed?: number
  /** Pointers that contain a useful candidate on purpose, as a share. */
  good?: number
}

/**
 * A world in which a candidate helps when it has the key of the query: the reward of a pointer is 1
 * when its first candidate helps, 0.5 when a later one does, else 0. Embeddings are the key's vector plus noise.
 */
export function makeWorld({
  queries,
  validation = 0,
  pool,
  pointers,
  shots = 2,
  dim = 8,
  keys = 4,
  seed = 1,
  good = 0.3,
}: WorldOptions): TrainingData {
  const random = createRandom(seed, 'world')
  const rows = Math.max(2 * queries + validation, 2 * pool)
  const vectors = Array.from({ length: keys }, () => Array.from({ length: dim }, () => random.normal()))
  const key = Array.from({ length: rows }, () => random.int(keys))
  const data = new Float32Array(rows * dim)
  for (let r = 0; r < rows; r++) {
    for (let d = 0; d < dim; d++)
      data[r * dim + d] = (vectors[key[r]!]![d]! + 0.3 * random.normal()) / Math.sqrt(dim)
  }
  const all = Array.from({ length: rows }, (_, r) => r)
  const groupOf = (queryRow: number): Group => {
    const poolRows = Int32Array.from(
      random.sample(
        all.filter((r) => r !== queryRow),
        pool,
      ),
    )
    const helps = Array.from(poolRows, (row) => key[row] === key[queryRow])
    const useful = helps.flatMap((each, n) => (each ? [n] : []))
    const lists = Array.from({ length: pointers }, () => {
      const list = random.sample(
        Array.from(poolRows, (_, n) => n),
        shots,
      )
      const first = useful[random.int(Math.max(1, useful.length))]
      if (first === undefined || random.next() > good) return list
      return [first, ...list.filter((n) => n !== first)].slice(0, shots)
    })
    const rawRewards = Float64Array.from(lists, (list) =>
      helps[list[0]!] ? 1 : list.some((n) => helps[n]) ? 0.5 : 0,
    )
    return {
      queryId: queryRow,
      imageId: null,
      queryRow,
      poolIds: Array.from(poolRows),
      poolRows,
      pointers: Int32Array.from(lists.flat()),
      size: pointers,
      shots,
      rewards: normalizeGroup(rawRewards).values,
      rawRewards,
      logProbs: null,
      methods: lists.map(() => 'random'),
    }
  }
  return {
    groups: Array.from({ length: queries }, (_, i) => groupOf(i)),
    validation: Array.from({ length: validation }, (_, i) => groupOf(queries + i)),
    embeddings: { data, dim },
  }
}
