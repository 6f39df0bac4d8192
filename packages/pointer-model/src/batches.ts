import type { Embeddings } from '@lever/tensor-files'
import type { DecoderBatch } from './decoder.ts'
import { EXTRA, widenRows } from './members.ts'
import type { RowEnd } from './members.ts'

/** The matrix of embeddings; only a policy with members reads the ids of its rows. */
type Rows = Pick<Embeddings, 'data' | 'dim'> & { readonly ids?: readonly number[] }

/** A query and its pool, as rows of matrices. */
export interface PolicyQuery {
  /** Row of the query in `queries`. */
  readonly row: number
  /** Rows of the pool in `candidates`, [N]. */
  readonly pool: ArrayLike<number>
  /** Positions in the pool that count as not there. */
  readonly exclude?: readonly number[]
}

/** What a policy chooses for, and from. */
export interface PolicyInput {
  readonly queries: Rows
  /** Default: `queries`. */
  readonly candidates?: Rows
  readonly items: readonly PolicyQuery[]
}

/** Sizes, and how rows end where the model has members. */
export interface PrepareOptions {
  readonly dim: number
  readonly shots: number
  readonly batchSize: number
  readonly end?: RowEnd | undefined
}

/** The rows of the pools, each once, [M', D], and the batches with pools as rows of it. */
export interface PreparedBatches {
  readonly rows: Float32Array
  readonly batches: readonly DecoderBatch[]
}

/**
 * Cuts queries into batches with pools padded to the largest of the batch.
 * @throws RangeError if a row or an excluded position does not exist, D differs, or a pool has fewer free candidates than shots.
 */
export function prepareBatches(
  { queries, candidates = queries, items }: PolicyInput,
  { dim, shots, batchSize, end }: PrepareOptions,
): PreparedBatches {
  const queryRows = checkMatrix(queries, dim, 'queries')
  const candidateRows = checkMatrix(candidates, dim, 'candidates')
  const places = new Int32Array(candidateRows).fill(-1)
  const used: number[] = []
  items.forEach(({ row, pool, exclude = [] }, i) => {
    checkRow(row, queryRows, `query ${i}`)
    for (let n = 0; n < pool.length; n++) {
      checkRow(pool[n]!, candidateRows, `query ${i}, candidate ${n}`)
      if (places[pool[n]!] === -1) places[pool[n]!] = used.push(pool[n]!) - 1
    }
    checkPositions(exclude, pool.length, `query ${i}`)
    const free = pool.length - new Set(exclude).size
    if (free < Math.max(1, shots)) {
      throw new RangeError(
        `pointer-model: query ${i} has ${free} free candidates, which is too few for ${shots} shots`,
      )
    }
  })
  const rows = new Float32Array(used.length * dim)
  used.forEach((row, at) => rows.set(candidates.data.subarray(row * dim, (row + 1) * dim), at * dim))
  const batches: DecoderBatch[] = []
  for (let from = 0; from < items.length; from += batchSize) {
    batches.push(prepareBatch(items.slice(from, from + batchSize), queries, places, end !== undefined))
  }
  const ids = candidates.ids && used.map((row) => candidates.ids![row]!)
  return { rows: widenRows({ data: rows, dim }, ids, end), batches }
}

function prepareBatch(
  items: readonly PolicyQuery[],
  { data, dim }: Rows,
  places: Int32Array,
  wide: boolean,
): DecoderBatch {
  const size = items.reduce((most, { pool }) => Math.max(most, pool.length), 0)
  const width = wide ? dim + EXTRA : dim
  const query = new Float32Array(items.length * width)
  const rows = new Int32Array(items.length * size)
  const valid = new Uint8Array(items.length * size)
  items.forEach(({ row, pool, exclude = [] }, b) => {
    query.set(data.subarray(row * dim, (row + 1) * dim), b * width)
    for (let n = 0; n < pool.length; n++) rows[b * size + n] = places[pool[n]!]!
    valid.fill(1, b * size, b * size + pool.length)
    for (const n of exclude) valid[b * size + n] = 0
  })
  return { queries: items.length, pool: size, query, rows, valid }
}

function checkMatrix({ data, dim }: Rows, expected: number, name: string): number {
  if (dim !== expected) {
    throw new RangeError(
      `pointer-model: the ${name} have embeddings of size ${dim}, but the policy was made for ${expected}; use the embeddings that it was trained on`,
    )
  }
  if (data.length % dim !== 0) {
    throw new RangeError(
      `pointer-model: the ${name} have ${data.length} numbers, which is not a multiple of D = ${dim}`,
    )
  }
  return data.length / dim
}

/** @throws RangeError if a position that is to be excluded is not in the pool, as an id or a row may be */
export function checkPositions(exclude: readonly number[], pool: number, where: string): void {
  const foreign = exclude.find((n) => !(Number.isInteger(n) && n >= 0 && n < pool))
  if (foreign === undefined) return
  throw new RangeError(
    `pointer-model: ${where}: exclude holds ${foreign}, which is not a position in a pool of ${pool}`,
  )
}

function checkRow(row: number, rows: number, where: string): void {
  if (!Number.isInteger(row) || row < 0 || row >= rows) {
    throw new RangeError(`pointer-model: ${where}: row ${row} is not in the matrix of ${rows} rows`)
  }
}

/**
 * Checks that pointers are distinct positions in the pools; where they may stop, -1 fills the rest.
 * @throws RangeError naming query and pointer.
 */
export function checkPointers(
  { items }: PolicyInput,
  pointers: readonly (readonly ArrayLike<number>[])[],
  stops: boolean,
): void {
  if (pointers.length !== items.length) {
    throw new RangeError(`pointer-model: ${items.length} queries, but pointers of ${pointers.length}`)
  }
  pointers.forEach((list, i) => {
    const size = items[i]!.pool.length
    list.forEach((pointer, g) => {
      const given = Array.from(pointer)
      const end = stops ? given.indexOf(-1) : -1
      const positions = end < 0 || given.slice(end).some((n) => n !== -1) ? given : given.slice(0, end)
      const inside = positions.every((n) => Number.isInteger(n) && n >= 0 && n < size)
      if (inside && new Set(positions).size === positions.length) return
      throw new RangeError(
        `pointer-model: query ${i}, pointer ${g}: [${positions.join(', ')}] are not distinct positions in a pool of ${size}`,
      )
    })
  })
}
