import type { Embeddings as EmbeddingSet } from '@lever/tensor-files'
import type { Dataset } from '@lever/vqa-dataset'
import type { Embedder, EmbeddingKind, EmbedOptions, EmbedResult } from '@lever/vqa-model'

export type { Embeddings as EmbeddingSet } from '@lever/tensor-files'

/** A matrix and the ids of its rows. */
export interface EmbeddingRows {
  readonly ids: readonly number[]
  readonly data: Float32Array
  readonly dim: number
}

/**
 * Embeds examples, batch by batch. Kind `both` of the bundled embedder is [image | text], so that its
 * inner product is the mean of the two cosines; the width of the image part is kept.
 * @throws InputError if images cannot be used
 */
export async function embedDataset(
  embedder: Embedder,
  { examples, hash }: Pick<Dataset, 'examples' | 'hash'>,
  { kind = 'both', ...options }: EmbedOptions,
): Promise<EmbedResult> {
  const { embedExamples } = await import('@lever/vqa-model')
  const { metadata, ...embedded } = await embedExamples(embedder, examples, {
    kind,
    source: hash,
    ...options,
  })
  const imageDim = kind === 'both' && embedder.both === 'concatenate' ? embedder.dim.image : 0
  return { ...embedded, metadata: { ...metadata, image_dim: String(imageDim) } }
}

/** The rows of every kind that a set holds: of `both` also its two parts. */
export function kindsOf({
  ids,
  data,
  dim,
  kind,
  imageDim,
}: EmbeddingSet): Partial<Record<EmbeddingKind, EmbeddingRows>> {
  const whole = { [kind]: { ids, data, dim } }
  if (kind !== 'both' || imageDim === 0) return whole
  return {
    image: { ids, data: columns(data, dim, 0, imageDim), dim: imageDim },
    text: { ids, data: columns(data, dim, imageDim, dim), dim: dim - imageDim },
    ...whole,
  }
}

/** As `readEmbeddings` of tensor-files, which is loaded when it is needed. */
export async function readEmbeddings(path: string, order?: readonly number[]): Promise<EmbeddingSet> {
  return (await import('@lever/tensor-files')).readEmbeddings(path, order)
}

function unit(row: Float32Array): Float32Array {
  let square = 0
  for (const value of row) square += value * value
  return square === 0 ? row : row.map((value) => value / Math.sqrt(square))
}

function columns(data: Float32Array, dim: number, from: number, to: number): Float32Array {
  const rows = data.length / dim
  const part = new Float32Array(rows * (to - from))
  for (let row = 0; row < rows; row++) {
    part.set(unit(data.subarray(row * dim + from, row * dim + to)), row * (to - from))
  }
  return part
}
