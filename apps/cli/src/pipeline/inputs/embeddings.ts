import { InputError } from '@lever/durable-files'
import type { TensorEntry } from '@lever/tensor-files'
import type { VqaDataset } from '@lever/vqa-dataset'
import type { Embedder, EmbeddingKind, Embeddings } from '@lever/vqa-model'

/** Embeddings of a dataset: row i [D] belongs to the example `ids[i]`; rows have length 1. */
export interface EmbeddingSet {
  readonly ids: readonly number[]
  /** [M, D], row-major. */
  readonly data: Float32Array
  /** D */
  readonly dim: number
  readonly kind: EmbeddingKind
  /** For kind `both`: the first so many columns are the image's, the others the text's; 0 when unknown. */
  readonly imageDim: number
  readonly model: string
  /** Hash of the dataset. */
  readonly source: string
}

/** A matrix and the ids of its rows. */
export interface EmbeddingRows {
  readonly ids: readonly number[]
  readonly data: Float32Array
  readonly dim: number
}

/**
 * Embeds examples, batch by batch. Kind `both` of the bundled embedder is [image | text], so that its
 * inner product is the mean of the two cosines; the width of the image part is kept.
 * @throws InputError for an image that cannot be used
 */
export async function embedDataset(
  embedder: Embedder,
  { examples, hash }: Pick<VqaDataset, 'examples' | 'hash'>,
  {
    kind = 'both',
    signal,
    onProgress,
  }: { kind?: EmbeddingKind; signal: AbortSignal; onProgress: (done: number) => void },
): Promise<Embeddings> {
  const { embedExamples } = await import('@lever/vqa-model')
  const { metadata, ...embedded } = await embedExamples(embedder, examples, {
    kind,
    source: hash,
    signal,
    onProgress,
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

/**
 * Reads embeddings: our safetensors, or `.npy`, `.pt`, `.pth` with rows in the order of `order`
 * (the ids 0, 1, 2, ... without it).
 * @throws InputError for a file that is no matrix of finite numbers, or has ids that repeat
 */
export async function readEmbeddings(path: string, order?: readonly number[]): Promise<EmbeddingSet> {
  const { tensors, metadata } = await readTensors(path)
  const entry = tensors.get('embeddings') ?? (tensors.size === 1 ? [...tensors.values()][0]! : undefined)
  if (entry?.shape.length !== 2) {
    throw new InputError(`${path} holds no matrix "embeddings" [M, D]; make one with lever embed`)
  }
  const { toFloat32 } = await import('@lever/tensor-files')
  const [rows, dim] = entry.shape as [number, number]
  const data = toFloat32(entry)
  const bad = data.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0)
    throw new InputError(`${path}: row ${Math.floor(bad / dim)} is not finite; embed the dataset again`)
  const ids = idsOf(tensors.get('ids'), rows, order, path)
  const kind = metadata.get('kind')
  return {
    ids,
    data,
    dim,
    kind: kind === 'image' || kind === 'text' ? kind : 'both',
    imageDim: Number(metadata.get('image_dim') ?? 0),
    model: metadata.get('model') ?? 'unknown',
    source: metadata.get('source') ?? '',
  }
}

interface Tensors {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
}

async function readTensors(path: string): Promise<Tensors> {
  const { readNpy, readSafetensors, readTorch } = await import('@lever/tensor-files')
  if (/\.npy$/i.test(path))
    return { tensors: new Map([['embeddings', await readNpy(path)]]), metadata: new Map() }
  if (/\.(pt|pth|ckpt)$/i.test(path)) return { tensors: (await readTorch(path)).tensors, metadata: new Map() }
  return readSafetensors(path)
}

function idsOf(
  entry: TensorEntry | undefined,
  rows: number,
  order: readonly number[] | undefined,
  path: string,
): number[] {
  if (entry === undefined) {
    if (order !== undefined && order.length !== rows) {
      throw new InputError(
        `${path} has ${rows} rows and no ids, but the dataset has ${order.length} examples; embed the same dataset`,
      )
    }
    return order === undefined ? Array.from({ length: rows }, (_, row) => row) : [...order]
  }
  const ids = Array.from(entry.data as ArrayLike<bigint | number>, Number)
  if (ids.length !== rows)
    throw new InputError(`${path} has ${rows} rows and ${ids.length} ids; embed the dataset again`)
  const seen = new Set<number>()
  for (const id of ids) {
    if (!Number.isSafeInteger(id) || seen.has(id)) {
      throw new InputError(
        `${path}: id ${id} ${seen.has(id) ? 'stands twice' : 'is beyond 2^53'}; embed the dataset again`,
      )
    }
    seen.add(id)
  }
  return ids
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
