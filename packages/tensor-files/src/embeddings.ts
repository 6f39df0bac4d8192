import { InputError } from '@lever/durable-files'
import { toFloat32 } from './convert.ts'
import { readNpy } from './npy.ts'
import { readSafetensors } from './safetensors.ts'
import type { TensorEntry } from './tensor.ts'
import { readTorch } from './torch.ts'

/** What embeddings are of: images, texts, or both side by side. */
export type EmbeddingKind = 'image' | 'text' | 'both'

/** Embeddings of a dataset: row i [D] belongs to the example `ids[i]`; rows have length 1. */
export interface Embeddings {
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

/**
 * Reads embeddings: our safetensors, or `.npy`, `.pt`, `.pth` with rows in the order of `order`
 * (the ids 0, 1, 2, ... without it).
 * @throws InputError for a file that is no matrix of finite numbers, or has ids that repeat
 */
export async function readEmbeddings(path: string, order?: readonly number[]): Promise<Embeddings> {
  const { tensors, metadata } = await readTensors(path)
  const entry = tensors.get('embeddings') ?? (tensors.size === 1 ? [...tensors.values()][0]! : undefined)
  if (entry?.shape.length !== 2) {
    throw new InputError(`${path} holds no matrix "embeddings" [M, D]; make one with lever embed`)
  }
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
        `${path}: id ${id} ${seen.has(id) ? 'is given twice' : 'is beyond 2^53'}; embed the dataset again`,
      )
    }
    seen.add(id)
  }
  return ids
}
