import { readFile } from 'node:fs/promises'
import { hashFile, InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { IndexManifest } from './build-index.ts'
import { openRowFile, type RowFile } from './row-file.ts'
import { searchRows, type Graph, type Hits, type Searched, type SearchOptions } from './search.ts'
import { createGraph } from './usearch.ts'

/** Files of a library, and how it is searched. */
export interface OpenLibraryOptions {
  /** Safetensors file with `embeddings` F32 [M, D] and `ids` I64 [M]. */
  embeddings: string
  /** Index of `buildIndex`. Without one every search is exact and reads every row. */
  index?: string
  /** Candidates kept while a query is searched (ef of HNSW). Default 256. */
  expansion?: number
  /** Skip comparing the SHA-256 of the embedding file, e.g. when it was compared a moment ago. Default false. */
  trusted?: boolean
}

export const OPEN_LIBRARY_OPTIONS: OptionNames<OpenLibraryOptions> = {
  embeddings: true,
  index: true,
  expansion: true,
  trusted: true,
}

const SEARCH_OPTIONS: OptionNames<SearchOptions> = { excluded: true, only: true }

/** A library of embeddings that can be searched for one query at a time. */
export interface Library {
  /** Examples that a search can return. */
  readonly size: number
  /** D */
  readonly dim: number
  /**
   * The k examples most similar to `query`, [D]. Filters cost no recall: more is asked of the index as more is left
   * out, and where few examples are left all of them are compared.
   * @throws RangeError if `query` is not [D] or k is not a whole number from 1
   */
  search(query: Float32Array, k: number, options?: SearchOptions): Hits
  /** The row of an example, [D]; undefined if there is none with this id. */
  row(id: number): Float32Array | undefined
  /** Adds or replaces an example, for as long as the library is open. @throws RangeError if `row` is not [D] */
  add(id: number, row: Float32Array): void
  /** Takes an example out, for as long as the library is open. False if there is none with this id. */
  remove(id: number): boolean
  /** Closes the file of the embeddings; the library cannot be searched afterwards. */
  close(): void
}

/**
 * Opens an embedding file for single searches. Rows stay on disk; with an index of `quantization: 'i8'` memory is about
 * M (D + 8 connectivity) bytes of pages that the system can drop, and 16 M bytes of ids.
 *
 * @throws InputError if a file is missing or wrong, or the index was made of another embedding file
 */
export async function openLibrary(given: OpenLibraryOptions): Promise<Library> {
  refuseUnknownOptions(given, OPEN_LIBRARY_OPTIONS, 'retrieval: openLibrary')
  const { embeddings, index, expansion = 256, trusted = false } = given
  const file = await openRowFile(embeddings)
  let graph: Graph | undefined
  try {
    if (index !== undefined) graph = await openGraph({ embeddings, index, expansion, trusted, file })
  } catch (error) {
    file.close()
    throw error
  }
  const rowOf = new Map(file.ids.map((id, row) => [id, row]))
  const added = new Map<number, Float32Array>()
  const hidden = new Set<number>()
  const searched: Searched = { file, graph, rowOf, added, hidden }
  return {
    get size() {
      return file.ids.length - hidden.size + added.size
    },
    dim: file.dim,
    search(query, k, options = {}) {
      refuseUnknownOptions(options, SEARCH_OPTIONS, 'retrieval: search')
      checkRow(query, file.dim)
      if (!Number.isInteger(k) || k < 1)
        throw new RangeError(`retrieval: k is ${k}; give a whole number from 1`)
      return searchRows(searched, query, k, options)
    },
    row(id) {
      const row = rowOf.get(id)
      if (row === undefined || hidden.has(row)) return added.get(id)?.slice()
      const out = new Float32Array(file.dim)
      file.read(row, 1, out)
      return out
    },
    add(id, row) {
      checkRow(row, file.dim)
      const old = rowOf.get(id)
      if (old !== undefined) hidden.add(old)
      added.set(id, row.slice())
    },
    remove(id) {
      const row = rowOf.get(id)
      const isInFile = row !== undefined && !hidden.has(row)
      if (isInFile) hidden.add(row)
      return added.delete(id) || isInFile
    },
    close: () => file.close(),
  }
}

async function openGraph(options: {
  embeddings: string
  index: string
  expansion: number
  trusted: boolean
  file: RowFile
}): Promise<Graph> {
  const { embeddings, index, expansion, trusted, file } = options
  const manifest = await readManifest(index)
  const { dim, rows, quantization, connectivity } = manifest
  const isOther = rows !== file.ids.length || dim !== file.dim
  if (isOther || (!trusted && (await hashFile(embeddings)) !== manifest.embeddings)) {
    throw new InputError(
      `retrieval: ${index} was not made of ${embeddings}, or the file has changed since; build the index again`,
    )
  }
  if (!trusted && (await hashFile(index)) !== manifest.index) {
    throw new InputError(
      `retrieval: ${index} is damaged: its SHA-256 is not that of ${index}.json; build it again`,
    )
  }
  const settings = { dim, quantization, connectivity, buildExpansion: expansion, searchExpansion: expansion }
  const graph = await createGraph(settings)
  graph.view(index)
  return {
    search: (query, count) => Array.from(graph.search(query, Math.min(count, rows), 1).keys, Number),
  }
}

async function readManifest(index: string): Promise<IndexManifest> {
  const path = `${index}.json`
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Partial<IndexManifest>
    if (value.format === 'lever-hnsw' && value.version === 1) return value as IndexManifest
  } catch (error) {
    throw new InputError(
      `retrieval: cannot read ${path} (${(error as Error).message}); build the index again`,
      {
        cause: error,
      },
    )
  }
  throw new InputError(`retrieval: ${path} is not the manifest of an index; build the index again`)
}

function checkRow(row: Float32Array, dim: number): void {
  if (row.length !== dim) throw new RangeError(`retrieval: the row has ${row.length} numbers, not [D=${dim}]`)
}
