import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { openLibrary, type Library } from '@lever/retrieval'
import type { PoolSearch } from '@lever/rl-generate'
import { kindsOf, readEmbeddings, type EmbeddingKind, type Embeddings } from '@lever/tensor-files'
import { BUNDLE_FILES, type BundleManifest } from '../bundle/manifest.ts'
import { exactRows, indexedRows, unitRows, type KindRows } from './rows.ts'

/** The embeddings of an open bundle, by kind; a kind is made when it is first asked for. */
export interface Vectors {
  /** As the files hold them, which pools and policies read. @throws InputError if the bundle has no such kind */
  rows(by: PoolSearch): KindRows
  /** Scaled to length 1 once more, which baselines read: the same rows up to the last bit. */
  unitRows(kind: EmbeddingKind): KindRows
  /** Appends the row of an example, [D], as the embedding file would hold it, and as a policy searches it, [H]. */
  add(row: Float32Array, learned?: Float32Array): void
  remove(row: number): void
  close(): void
}

/** @throws InputError if the embeddings are not those of the library's examples, in their order */
export async function openVectors(
  folder: string,
  manifest: BundleManifest,
  ids: readonly number[],
): Promise<Vectors> {
  const { kind: own, dim, imageDim } = manifest.embedder
  const indexed = await openIndexes(folder, manifest)
  const base = indexed.has(own) ? undefined : await readBase(folder, manifest, ids)
  const opened = new Map<string, KindRows>()
  const changes: Change[] = []
  if (manifest.pool?.policy !== undefined && !indexed.has('learned')) {
    const { data, dim: width } = await readEmbeddings(join(folder, BUNDLE_FILES.poolVectors))
    opened.set('learned raw', exactRows(data, width))
  }
  for (const [kind, library] of indexed) opened.set(`${kind} raw`, indexedRows(library, ids))

  function open(kind: PoolSearch, form: 'raw' | 'unit'): KindRows {
    const known = opened.get(`${kind} ${form}`) ?? (indexed.has(kind) ? opened.get(`${kind} raw`) : undefined)
    if (known !== undefined) return known
    if (kind === 'learned') throw missing(kind)
    const part = base && kindsOf(base)[kind]
    if (part === undefined) throw missing(kind)
    const rows = exactRows(form === 'raw' ? part.data : unitRows(part.data, part.dim), part.dim)
    for (const change of changes) apply(rows, kind, form, change)
    opened.set(`${kind} ${form}`, rows)
    return rows
  }

  function missing(kind: PoolSearch): InputError {
    const there =
      indexed.size > 0 ? manifest.indexes : Object.keys(kindsOf({ ...empty, kind: own, dim, imageDim }))
    return new InputError(
      `selector: the bundle holds ${there.join(', ')} embeddings, and ${kind} ones are needed; choose another selector or pool method, or make the bundle of other embeddings`,
    )
  }

  function apply(rows: KindRows, kind: PoolSearch, form: string, change: Change): void {
    if ('remove' in change) {
      rows.remove(change.remove)
      return
    }
    if (kind === 'learned') {
      rows.add(change.learned!)
      return
    }
    const part = kindsOf({ ...empty, ids: [0], data: change.add, kind: own, dim, imageDim })[kind]!
    rows.add(form === 'raw' ? part.data : unitRows(part.data, part.dim))
  }

  function change(one: Change): void {
    changes.push(one)
    for (const [name, rows] of opened) {
      const [kind, form] = name.split(' ') as [PoolSearch, string]
      apply(rows, kind, form, one)
    }
  }

  return {
    rows: (kind) => open(kind, 'raw'),
    unitRows: (kind) => open(kind, 'unit'),
    add: (row, learned) => change({ add: row, learned }),
    remove: (row) => change({ remove: row }),
    close: () => {
      for (const rows of opened.values()) rows.close()
    },
  }
}

type Change =
  { readonly add: Float32Array; readonly learned: Float32Array | undefined } | { readonly remove: number }

const empty: Embeddings = {
  ...{ ids: [], data: new Float32Array(0), dim: 0, kind: 'both', imageDim: 0 },
  ...{ model: '', modelHash: '', source: '' },
}

/** The file that an index is of: the embeddings, or those of one kind. */
export function indexedFile(kind: PoolSearch, own: EmbeddingKind): string {
  if (kind === 'learned') return BUNDLE_FILES.poolVectors
  return kind === own ? BUNDLE_FILES.embeddings : `${BUNDLE_FILES.index}/${kind}.safetensors`
}

export function indexFile(kind: PoolSearch): string {
  return `${BUNDLE_FILES.index}/${kind}.hnsw`
}

async function openIndexes(folder: string, manifest: BundleManifest): Promise<Map<PoolSearch, Library>> {
  const opened = new Map<PoolSearch, Library>()
  for (const kind of manifest.indexes) {
    const embeddings = join(folder, indexedFile(kind, manifest.embedder.kind))
    opened.set(kind, await openLibrary({ embeddings, index: join(folder, indexFile(kind)), trusted: true }))
  }
  return opened
}

async function readBase(
  folder: string,
  { embedder }: BundleManifest,
  ids: readonly number[],
): Promise<Embeddings> {
  const path = join(folder, BUNDLE_FILES.embeddings)
  const base = await readEmbeddings(path)
  const { dim, kind, modelHash } = base
  if (dim !== embedder.dim || kind !== embedder.kind || modelHash !== embedder.hash) {
    throw new InputError(
      `selector: ${path} holds ${kind} embeddings of ${dim} numbers by ${base.model}, not those of the manifest; make the bundle again (lever bundle)`,
    )
  }
  const odd = ids.findIndex((id, row) => base.ids[row] !== id)
  if (odd >= 0 || base.ids.length !== ids.length) {
    throw new InputError(
      `selector: ${path} has ${base.ids.length} rows, and the library ${ids.length} examples in another order or number (first at ${Math.max(0, odd) + 1}); make the bundle again (lever bundle)`,
    )
  }
  return base
}
