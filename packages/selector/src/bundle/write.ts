import { copyFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashFile, jsonLines, writeFileAtomic } from '@lever/durable-files'
import { buildIndex } from '@lever/retrieval'
import type { PoolSearch } from '@lever/rl-generate'
import {
  kindsOf,
  rowFinder,
  writeEmbeddings,
  type EmbeddingMatrix,
  type Embeddings,
} from '@lever/tensor-files'
import type { Example } from '@lever/vqa-dataset'
import { embedderFiles } from '@lever/vqa-model'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { indexedFile, indexFile } from '../engine/vectors.ts'
import { VERSION } from '../version.ts'
import { bundleImages, type BundledImage } from './images.ts'
import type { LibraryExample } from './library-file.ts'
import { BUNDLE_FILES, type BundledEmbedder, type BundleManifest, type FileRecord } from './manifest.ts'
import { INDEX_FROM, type WriteBundleOptions, WRITE_BUNDLE_OPTIONS } from './options.ts'
import { planBundle, type BundlePlan } from './plan.ts'
import { encodeEffects } from './static-effects.ts'

/**
 * Writes a bundle: all that a choice needs, in one folder. It is made beside `out` and renamed when it is whole; a call
 * that was interrupted continues with the images that are there.
 *
 * @throws InputError if the policy, the embeddings, the embedder and the dataset do not belong together
 */
export async function writeBundle(options: WriteBundleOptions): Promise<BundleManifest> {
  refuseUnknownOptions(options, WRITE_BUNDLE_OPTIONS, 'selector: writeBundle')
  const { out, dataset, embedder, embedderModel, signal } = options
  const plan = await planBundle(options)
  for (const notice of plan.notices) options.onNotice?.(notice)
  const folder = `${out}.partial`
  await mkdir(folder, { recursive: true })
  const files = new Map<string, FileRecord>()
  const record = async (name: string): Promise<void> => {
    const path = join(folder, name)
    files.set(name, { bytes: (await stat(path)).size, sha256: await hashFile(path) })
  }
  if (plan.checkpoint !== null) {
    await writeFileAtomic(join(folder, BUNDLE_FILES.policy), plan.checkpoint)
    await record(BUNDLE_FILES.policy)
  }
  if (plan.effects !== undefined) {
    await writeFileAtomic(join(folder, BUNDLE_FILES.static), encodeEffects(plan.effects))
    await record(BUNDLE_FILES.static)
  }
  const rows = rowsOf(options.embeddings, dataset.examples)
  await writeEmbeddings(join(folder, BUNDLE_FILES.embeddings), rows)
  await record(BUNDLE_FILES.embeddings)
  if (plan.learned !== null) {
    await writeLearned(folder, plan.learned, dataset.examples)
    for (const name of [BUNDLE_FILES.poolPolicy, BUNDLE_FILES.poolVectors]) await record(name)
  }
  const indexes = await writeIndexes(folder, rows, plan, options)
  for (const kind of indexes) {
    if (kind !== rows.kind && kind !== 'learned') await record(indexedFile(kind, rows.kind))
    for (const name of [indexFile(kind), `${indexFile(kind)}.json`]) await record(name)
  }
  const model = await embedderFiles(embedder, embedderModel)
  const included = options.includeEmbedder ?? true
  for (const name of included ? model.files : []) {
    const path = `${BUNDLE_FILES.embedder}/${name}`
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await copyFile(join(model.path, name), join(folder, path))
    await record(path)
  }
  const { images, bytes } = await bundleImages(
    dataset.examples.flatMap(({ image }) => image ?? []),
    folder,
    {
      include: options.includeImages ?? true,
      thumbnails: options.thumbnails ?? true,
      onProgress: (done, total) => options.onProgress?.('images', done, total),
      signal,
    },
  )
  const library = dataset.examples.map((example) => libraryExample(example, images))
  await writeFileAtomic(join(folder, BUNDLE_FILES.library), jsonLines(library))
  await record(BUNDLE_FILES.library)
  const manifest = manifestOf(options, plan, {
    files: Object.fromEntries(files),
    indexes,
    imageBytes: bytes,
    images: new Set(library.flatMap(({ imageHash }) => imageHash ?? [])).size,
    embedder: {
      ...{ embedder, model: plan.embedder.name, id: model.id ?? null, hash: plan.embedder.hash, included },
      ...{ kind: rows.kind, dim: rows.dim, imageDim: rows.imageDim },
    },
  })
  await writeFileAtomic(join(folder, BUNDLE_FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`)
  signal?.throwIfAborted()
  await rename(folder, out)
  return manifest
}

/** What `bytes.policy` counts. */
const POLICY_FILES: readonly string[] = [BUNDLE_FILES.policy, BUNDLE_FILES.poolPolicy, BUNDLE_FILES.static]

interface Written {
  readonly files: BundleManifest['files']
  readonly indexes: readonly PoolSearch[]
  readonly images: number
  readonly imageBytes: { readonly images: number; readonly thumbnails: number }
  readonly embedder: BundledEmbedder
}

function manifestOf(
  { dataset, shots, evaluation = null, licences = [], ...how }: WriteBundleOptions,
  plan: BundlePlan,
  { files, indexes, images, imageBytes, embedder }: Written,
): BundleManifest {
  const bytesOf = (isPart: (name: string) => boolean): number =>
    Object.entries(files).reduce((sum, [name, { bytes }]) => sum + (isPart(name) ? bytes : 0), 0)
  const folder = (name: string) => (path: string) => path.startsWith(`${name}/`)
  const { name, split, hash, examples } = dataset
  return {
    format: 'lever-bundle',
    version: 1,
    packageVersion: VERSION,
    selector: plan.selector,
    shots,
    policy: plan.policy,
    pool: plan.pool,
    embedder,
    template: plan.template,
    library: { name, split, hash, examples: examples.length, images },
    evaluation,
    licences,
    images: { included: how.includeImages ?? true, thumbnails: how.thumbnails ?? true },
    indexes,
    files,
    bytes: {
      policy: bytesOf((path) => POLICY_FILES.includes(path)),
      library: bytesOf((path) => path === BUNDLE_FILES.library),
      embeddings: bytesOf((path) => path === BUNDLE_FILES.embeddings || path === BUNDLE_FILES.poolVectors),
      index: bytesOf(folder(BUNDLE_FILES.index)),
      embedder: bytesOf(folder(BUNDLE_FILES.embedder)),
      ...imageBytes,
    },
  }
}

function libraryExample(
  { id, questionId, imageId, question, answer, answers, image }: Example,
  images: ReadonlyMap<string, BundledImage>,
): LibraryExample {
  const found = image === undefined ? undefined : images.get(image)
  const { imageHash = null, image: path = null, thumbnail = null } = found ?? {}
  return { id, questionId, imageId, question, answer, answers, imageHash, image: path, thumbnail }
}

/** The rows of the examples, in their order. @throws InputError if one has none */
function rowsOf<E extends EmbeddingMatrix>(embeddings: E, examples: readonly Example[]): E {
  const { data, dim } = embeddings
  const rowOf = rowFinder(embeddings, 'library')
  const ids = examples.map(({ id }) => id)
  const rows = new Float32Array(ids.length * dim)
  ids.forEach((id, i) => rows.set(data.subarray(rowOf(id) * dim, (rowOf(id) + 1) * dim), i * dim))
  return { ...embeddings, ids, data: rows }
}

/** The policy that searches the library, and the library as it sees it. */
async function writeLearned(
  folder: string,
  { search, checkpoint }: NonNullable<BundlePlan['learned']>,
  examples: readonly Example[],
): Promise<void> {
  await writeFileAtomic(join(folder, BUNDLE_FILES.poolPolicy), checkpoint)
  const vectors = rowsOf(search.candidates, examples)
  const facts = {
    kind: 'both',
    imageDim: 0,
    model: 'pool policy',
    modelHash: search.policy,
    source: '',
  } as const
  await writeEmbeddings(join(folder, BUNDLE_FILES.poolVectors), { ...vectors, ...facts })
}

async function writeIndexes(
  folder: string,
  rows: Embeddings,
  { kinds }: BundlePlan,
  { index = rows.ids.length >= INDEX_FROM, onProgress, signal, indexThreads = 1 }: WriteBundleOptions,
): Promise<PoolSearch[]> {
  if (!index) return []
  await mkdir(join(folder, BUNDLE_FILES.index), { recursive: true })
  for (const kind of kinds) {
    const embeddings = join(folder, indexedFile(kind, rows.kind))
    if (kind !== rows.kind && kind !== 'learned') await writeEmbeddings(embeddings, kindsOf(rows)[kind]!)
    await buildIndex({
      embeddings,
      path: join(folder, indexFile(kind)),
      threads: indexThreads,
      onProgress: (done, total) => onProgress?.('index', done, total),
      ...(signal && { signal }),
    })
  }
  return [...kinds]
}
