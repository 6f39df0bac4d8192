import { mkdtemp, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { hashFile, writeFileAtomic } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { openRowFile } from './row-file.ts'
import { createGraph, type Quantization } from './usearch.ts'

/** What an index is built of, and how finely. */
export interface BuildIndexOptions {
  /** Safetensors file with `embeddings` F32 [M, D], rows of length 1, and `ids` I64 [M]. */
  embeddings: string
  /** Default `<embeddings>.hnsw`. Its manifest is written beside it, as `<path>.json`. */
  path?: string
  /** Default `i8`: a quarter of the memory of float32. */
  quantization?: Quantization
  /** Links of a node (M of HNSW). Default 16. */
  connectivity?: number
  /** Candidates kept while a node is linked (efConstruction of HNSW). Default 128. */
  expansion?: number
  /** Default 1: then equal input gives equal bytes. */
  threads?: number
  /** Called with the rows that are in the index, and with all. */
  onProgress?: (done: number, total: number) => void
  /** Ends the build; nothing is left behind, and its reason is thrown. */
  signal?: AbortSignal
}

export const BUILD_INDEX_OPTIONS: OptionNames<BuildIndexOptions> = {
  embeddings: true,
  path: true,
  quantization: true,
  connectivity: true,
  expansion: true,
  threads: true,
  onProgress: true,
  signal: true,
}

/** What an index was made of and how; `<path>.json`. */
export interface IndexManifest {
  readonly format: 'lever-hnsw'
  readonly version: 1
  /** M */
  readonly rows: number
  /** D */
  readonly dim: number
  readonly quantization: Quantization
  readonly connectivity: number
  readonly expansion: number
  /** SHA-256 of the embedding file and of the index. */
  readonly embeddings: string
  readonly index: string
}

/** Rows added between two looks at the event loop. */
const ROWS_PER_TURN = 256

/**
 * Builds an HNSW index of an embedding file and saves it beside it. Index and manifest are renamed into place when
 * both are complete; an interrupted build leaves what was there before.
 *
 * @throws InputError if the embedding file is wrong or usearch is not installed; the reason of `signal` when aborted
 */
export async function buildIndex(options: BuildIndexOptions): Promise<IndexManifest> {
  refuseUnknownOptions(options, BUILD_INDEX_OPTIONS, 'retrieval: buildIndex')
  const {
    embeddings,
    path = `${embeddings}.hnsw`,
    quantization = 'i8',
    connectivity = 16,
    expansion = 128,
    threads = 1,
    onProgress,
    signal,
  } = options
  const source = await hashFile(embeddings)
  const file = await openRowFile(embeddings)
  const folder = await mkdtemp(join(dirname(path), '.index-'))
  try {
    const { ids, dim } = file
    const settings = {
      dim,
      quantization,
      connectivity,
      buildExpansion: expansion,
      searchExpansion: expansion,
    }
    const graph = await createGraph(settings)
    const rows = new Float32Array(ROWS_PER_TURN * dim)
    for (let from = 0; from < ids.length; from += ROWS_PER_TURN) {
      signal?.throwIfAborted()
      const count = Math.min(ROWS_PER_TURN, ids.length - from)
      file.read(from, count, rows)
      const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(from + i))
      graph.add(keys, rows.subarray(0, count * dim), threads)
      onProgress?.(from + count, ids.length)
      await setImmediate()
    }
    const temporary = join(folder, 'index')
    graph.save(temporary)
    await sync(temporary)
    const manifest: IndexManifest = {
      format: 'lever-hnsw',
      version: 1,
      rows: ids.length,
      ...{ dim, quantization, connectivity, expansion },
      embeddings: source,
      index: await hashFile(temporary),
    }
    await rename(temporary, path)
    await writeFileAtomic(`${path}.json`, `${JSON.stringify(manifest, null, 2)}\n`)
    return manifest
  } finally {
    file.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  await handle.sync()
  await handle.close()
}
