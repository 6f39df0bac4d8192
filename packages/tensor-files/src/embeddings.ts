import { InputError } from '@lever/durable-files'

/** What embeddings can be of. */
export const EMBEDDING_KINDS = ['image', 'text', 'both'] as const

/** What embeddings are of: images, texts, or both side by side. */
export type EmbeddingKind = (typeof EMBEDDING_KINDS)[number]

/** Embeddings of a dataset: row i [D] belongs to the example `ids[i]`; rows have length 1. */
export interface Embeddings {
  /** [M] */
  readonly ids: readonly number[]
  /** [M, D], row-major */
  readonly data: Float32Array
  /** D */
  readonly dim: number
  readonly kind: EmbeddingKind
  /** For kind `both`: how many columns are the image's; the others are the text's. 0 if they are mixed or unknown. */
  readonly imageDim: number
  readonly model: string
  /** Hash of the embedder's files; empty if unknown. */
  readonly modelHash: string
  /** Hash of the dataset; empty if unknown. */
  readonly source: string
}

/** The part of {@link Embeddings} that most functions need: a matrix and the id of every row. */
export type EmbeddingMatrix = Pick<Embeddings, 'ids' | 'data' | 'dim'>

/** Embeddings of the queries and of the candidates in one space; the same object if both are of one dataset. */
export interface EmbeddingPair<E extends EmbeddingMatrix = EmbeddingMatrix> {
  readonly queries: E
  readonly candidates: E
}

/** Embeddings of queries and candidates by what they are of. */
export type EmbeddingPairs = Readonly<Partial<Record<EmbeddingKind, EmbeddingPair>>>

/**
 * The embeddings of every kind that `embeddings` holds: itself, and for kind `both` also its columns of the image and of the
 * text, each row scaled back to length 1, where `imageDim` tells them apart.
 */
export function kindsOf(embeddings: Embeddings): Partial<Record<EmbeddingKind, Embeddings>> {
  const { dim, kind, imageDim } = embeddings
  if (kind !== 'both' || imageDim === 0) return { [kind]: embeddings }
  return {
    image: { ...embeddings, ...columns(embeddings, 0, imageDim), kind: 'image', imageDim: 0 },
    text: { ...embeddings, ...columns(embeddings, imageDim, dim), kind: 'text', imageDim: 0 },
    both: embeddings,
  }
}

/**
 * Refuses queries and candidates that different embedders made: sizes may agree where spaces do not. Files that do not
 * say what made them pass.
 * @param names what a message calls them
 * @throws InputError that names both
 */
export function checkOneEmbedder(
  { queries, candidates }: EmbeddingPair<Pick<Embeddings, 'model' | 'modelHash'> & EmbeddingMatrix>,
  names: EmbeddingPairNames = PAIR_NAMES,
): void {
  const hashes = [queries.modelHash, candidates.modelHash]
  if (hashes.includes('') || hashes[0] === hashes[1]) return
  const nameOf = ({ model, modelHash }: Pick<Embeddings, 'model' | 'modelHash'>): string =>
    `${model} (${modelHash.slice(0, 12)})`
  throw new InputError(
    `${names.queries} were made by ${nameOf(queries)} and ${names.candidates} by ${nameOf(candidates)}, whose spaces differ; embed both datasets with one model`,
  )
}

interface EmbeddingPairNames {
  readonly queries: string
  readonly candidates: string
}

const PAIR_NAMES: EmbeddingPairNames = {
  queries: 'the embeddings of the queries',
  candidates: 'those of the candidates',
}

/**
 * Queries and candidates by every kind that both have; see {@link kindsOf}.
 * @throws InputError if they were made by different embedders
 */
export function pairsOf(pair: EmbeddingPair<Embeddings>): EmbeddingPairs {
  const { queries, candidates } = pair
  checkOneEmbedder(pair)
  const ofQueries = kindsOf(queries)
  const ofCandidates = candidates === queries ? ofQueries : kindsOf(candidates)
  const pairs: Partial<Record<EmbeddingKind, EmbeddingPair>> = {}
  for (const kind of EMBEDDING_KINDS) {
    const pair = { queries: ofQueries[kind], candidates: ofCandidates[kind] }
    if (pair.queries !== undefined && pair.candidates !== undefined) {
      pairs[kind] = { queries: pair.queries, candidates: pair.candidates }
    }
  }
  return pairs
}

/**
 * The function that finds the row of an example.
 * @param name what a message calls the embeddings, such as `query`
 * @throws InputError if `data` is not [M, D], an id is not a whole number below 2^53 or is given twice; from the function
 * itself, if an id has no row
 */
export function rowFinder({ ids, data, dim }: EmbeddingMatrix, name: string): (id: number) => number {
  if (data.length !== ids.length * dim) {
    throw new InputError(
      `the ${name} embeddings hold ${data.length} numbers, not [M=${ids.length}, D=${dim}]; embed the dataset again`,
    )
  }
  const rows = new Map<number, number>()
  for (const [row, id] of ids.entries()) {
    if (!Number.isSafeInteger(id) || rows.has(id)) throw wrongId(id, rows.has(id), `the ${name} embeddings`)
    rows.set(id, row)
  }
  return (id) => {
    const row = rows.get(id)
    if (row !== undefined) return row
    throw new InputError(
      `the ${name} embeddings have no row for example ${id}; embed the whole dataset (lever embed)`,
    )
  }
}

export function wrongId(id: number, isRepeated: boolean, where: string): InputError {
  return new InputError(
    `${where}: id ${id} is ${isRepeated ? 'given twice' : 'not a whole number below 2^53'}; embed the dataset again`,
  )
}

function unit(row: Float32Array): Float32Array {
  let square = 0
  for (const value of row) square += value * value
  return square === 0 ? row : row.map((value) => value / Math.sqrt(square))
}

function columns({ data, dim }: Embeddings, from: number, to: number): { data: Float32Array; dim: number } {
  const rows = data.length / dim
  const part = new Float32Array(rows * (to - from))
  for (let row = 0; row < rows; row++) {
    part.set(unit(data.subarray(row * dim + from, row * dim + to)), row * (to - from))
  }
  return { data: part, dim: to - from }
}
