import { InputError } from '@lever/durable-files'
import { toFloat32 } from './convert.ts'
import { EMBEDDING_KINDS, wrongId } from './embeddings.ts'
import type { EmbeddingKind, Embeddings } from './embeddings.ts'
import { readNpy } from './npy.ts'
import { readSafetensors, writeSafetensors } from './safetensors.ts'
import type { TensorEntry } from './tensor.ts'
import { readTorch } from './torch.ts'

/** Writes `embeddings` F32 [M, D], `ids` I64 [M] and the metadata that {@link readEmbeddings} reads. */
export async function writeEmbeddings(path: string, embeddings: Embeddings): Promise<void> {
  const { ids, data, dim, kind, imageDim, model, modelHash, source } = embeddings
  const ids64 = BigInt64Array.from(ids, (id) => BigInt(id))
  await writeSafetensors(path, {
    tensors: new Map<string, TensorEntry>([
      ['embeddings', { dtype: 'F32', shape: [ids.length, dim], data }],
      ['ids', { dtype: 'I64', shape: [ids.length], data: ids64 }],
    ]),
    metadata: new Map(
      Object.entries({ model, kind, source, model_hash: modelHash, image_dim: String(imageDim) }),
    ),
  })
}

/**
 * Reads embeddings: our safetensors, or `.npy`, `.pt`, `.pth` with rows in the order of `order`
 * (the ids 0, 1, 2, ... without it).
 * @throws InputError if the file holds no matrix of finite numbers, ids repeat, or `kind` or `image_dim` is unknown
 */
export async function readEmbeddings(path: string, order?: readonly number[]): Promise<Embeddings> {
  const { tensors, metadata } = await readTensors(path)
  const entry = tensors.get('embeddings') ?? (tensors.size === 1 ? [...tensors.values()][0]! : undefined)
  if (entry?.shape.length !== 2) {
    const found = [...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(', ')}]`)
    throw new InputError(
      `${path} holds no matrix "embeddings" [M, D], but ${found.join(', ') || 'nothing'}; make one with lever embed`,
    )
  }
  const [rows, dim] = entry.shape as [number, number]
  const data = toFloat32(entry)
  const bad = data.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0)
    throw new InputError(`${path}: row ${Math.floor(bad / dim)} is not finite; embed the dataset again`)
  const kind = metadata.get('kind') ?? 'both'
  if (!isKind(kind)) {
    throw new InputError(
      `${path}: kind is "${kind}", not one of ${EMBEDDING_KINDS.join(', ')}; embed the dataset again`,
    )
  }
  const imageDim = Number(metadata.get('image_dim') ?? 0)
  if (!Number.isInteger(imageDim) || imageDim < 0 || imageDim > dim) {
    throw new InputError(
      `${path}: image_dim is "${metadata.get('image_dim')!}", not a number of columns from 0 to ${dim}; embed the dataset again`,
    )
  }
  return {
    ids: idsOf(tensors.get('ids'), rows, order, path),
    ...{ data, dim, kind, imageDim },
    model: metadata.get('model') ?? 'unknown',
    modelHash: metadata.get('model_hash') ?? '',
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

const isKind = (kind: string): kind is EmbeddingKind => EMBEDDING_KINDS.some((known) => known === kind)

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
    if (!Number.isSafeInteger(id) || seen.has(id)) throw wrongId(id, seen.has(id), path)
    seen.add(id)
  }
  return ids
}
