import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashBytes, InputError, writeFileAtomic } from '@lever/durable-files'
import {
  openPolicy,
  openSearcher,
  readCheckpoint,
  type LibrarySearcher,
  type Policy,
} from '@lever/pointer-model'
import { makeThumbnail, openEmbedder, type Embedder } from '@lever/vqa-model'
import { readLibrary, type LibraryExample } from '../bundle/library-file.ts'
import { BUNDLE_FILES, type BundleManifest } from '../bundle/manifest.ts'
import { readEffects } from '../bundle/static-effects.ts'
import { imageName, thumbnailFile } from '../images/names.ts'
import { decodeRow, encodeRow, openChanges, type Changes } from './changes.ts'
import { createCollection, type Collection } from './collection.ts'
import { queryEmbedder, type QueryEmbedder } from './embed.ts'
import { keptBaselines, POLICY } from './baselines.ts'
import { chooseFor, type EngineChoice, type EngineParts } from './engine.ts'
import type { Failed } from './failure.ts'
import type { EngineQuery } from './query.ts'
import { openVectors, type Vectors } from './vectors.ts'

/** What an engine is opened with. */
export interface EngineOptions {
  readonly folder: string
  readonly manifest: BundleManifest
  /** Threads of the embedder and of the policy. */
  readonly threads: number
  readonly writable: boolean
  /** Folder or id of the embedder's model, where the bundle does not include it. */
  readonly embedderModel: string | undefined
}

/** An example that is to be added. */
export interface NewExample {
  readonly id?: number | undefined
  readonly imageId?: number | string | undefined
  readonly question: string
  readonly answer: string
  readonly answers?: readonly string[] | undefined
  readonly image?: { readonly name: string; readonly bytes: Uint8Array } | undefined
  readonly embedding?: Float32Array | undefined
}

/** A demonstration with what a prompt shows of it. */
export interface ChosenExample extends LibraryExample {
  /** Of the policy: the probability of this choice at its step. Of a ranking baseline: the cosine. Else null. */
  readonly score: number | null
  /** Cosine of question and example. */
  readonly similarity: number
  readonly staticShare: number | null
}

export interface Chosen {
  readonly demonstrations: readonly ChosenExample[]
  readonly selector: string
}

/** An open bundle, in one thread. */
export interface Engine {
  readonly size: number
  select(queries: readonly EngineQuery[]): Promise<(Chosen | Failed)[]>
  /** The example is on disk when this resolves. */
  add(example: NewExample): Promise<LibraryExample>
  remove(id: number): Promise<boolean>
  example(id: number): LibraryExample | undefined
  /** `count` examples from position `from`. */
  list(from: number, count: number): LibraryExample[]
  close(): Promise<void>
}

/** @throws InputError if the files of the bundle do not belong together, or its embedder is another one here */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { folder, manifest, threads, writable } = options
  const library = await readLibrary(join(folder, BUNDLE_FILES.library))
  const collection = createCollection(library)
  const vectors = await openVectors(
    folder,
    manifest,
    library.map(({ id }) => id),
  )
  const policy = manifest.policy === null ? undefined : await policyOf(folder, threads)
  const effects = await readEffects(folder, manifest)
  const searcher = manifest.pool?.policy === undefined ? undefined : await searcherOf(folder, threads)
  const embedder = queryEmbedder(await embedderOf(options), manifest.embedder)
  const changes = await openChanges(folder, manifest, writable)
  for (const change of changes.before) {
    if ('remove' in change) remove(collection, vectors, change.remove)
    else await add({ collection, vectors, searcher }, change.add, decodeRow(change.row))
  }
  const parts: EngineParts = {
    ...{ collection, embedder, policy, searcher, kind: manifest.embedder.kind },
    baseline: keptBaselines(effects),
    pool: manifest.pool ?? { method: 'random', size: 64, seed: 0 },
    selector: manifest.selector.kind === 'policy' ? POLICY : manifest.selector.name,
    rows: (by) => vectors.rows(by),
    unitRows: (kind) => vectors.unitRows(kind),
  }
  return engineOf({ folder, manifest, parts, vectors, changes, embedder, policy })
}

interface Opened {
  readonly folder: string
  readonly manifest: BundleManifest
  readonly parts: EngineParts
  readonly vectors: Vectors
  readonly changes: Changes
  readonly embedder: QueryEmbedder
  readonly policy: Policy | undefined
}

function engineOf({ folder, manifest, parts, vectors, changes, embedder, policy }: Opened): Engine {
  const { collection, searcher } = parts
  return {
    get size() {
      return collection.size
    },
    async select(queries) {
      const choices = await chooseFor(parts, queries)
      return choices.map((choice) => ('error' in choice ? choice : withExamples(choice, collection)))
    },
    async add(given) {
      const { id = collection.nextId(), question, answer } = given
      checkNew(id, question, answer, collection)
      const row = await embedder.rowOf(given)
      const shown = await keepImage(folder, manifest, given.image)
      const known = shown.imageHash === null ? undefined : collection.imageIdOf(shown.imageHash)
      const example: LibraryExample = {
        ...{ id, questionId: id, question, answer, answers: given.answers ?? [answer], ...shown },
        imageId: given.imageId ?? known ?? shown.imageHash,
      }
      await changes.append({ add: example, row: encodeRow(row) })
      await add({ collection, vectors, searcher }, example, row)
      return example
    },
    async remove(id) {
      if (collection.rowOf(id) === undefined) return false
      await changes.append({ remove: id })
      remove(collection, vectors, id)
      return true
    },
    example(id) {
      const row = collection.rowOf(id)
      return row === undefined ? undefined : collection.example(row)
    },
    list: (from, count) =>
      collection
        .rows()
        .slice(from, from + count)
        .map((row) => collection.example(row)),
    async close() {
      await changes.close()
      vectors.close()
      await policy?.close()
      await searcher?.close()
      await embedder.close()
    },
  }
}

async function policyOf(folder: string, threads: number): Promise<Policy> {
  const { model } = await readCheckpoint(join(folder, BUNDLE_FILES.policy))
  return openPolicy(model, { threads })
}

async function searcherOf(folder: string, threads: number): Promise<LibrarySearcher> {
  const { model } = await readCheckpoint(join(folder, BUNDLE_FILES.poolPolicy))
  return openSearcher(model, { threads })
}

/** @throws InputError if the embedder here is not the one that the bundle was made with */
async function embedderOf({ folder, manifest, threads, embedderModel }: EngineOptions): Promise<Embedder> {
  const { embedder: name, included, id, hash, model } = manifest.embedder
  const place = embedderModel ?? (included ? join(folder, BUNDLE_FILES.embedder) : (id ?? undefined))
  if (place === undefined) {
    throw new InputError(
      `selector: ${folder} does not include its embedder, ${model}; give the folder of its model as embedderModel`,
    )
  }
  const embedder = await openEmbedder({ embedder: name, model: place, threads })
  if (embedder.hash === hash) return embedder
  await embedder.close()
  throw new InputError(
    `selector: the embedder of ${place} is not the one of the bundle: ${embedder.name} (${embedder.hash.slice(0, 12)}), not ${model} (${hash.slice(0, 12)}); questions would be compared with rows of another space`,
  )
}

async function add(
  {
    collection,
    vectors,
    searcher,
  }: { collection: Collection; vectors: Vectors } & Pick<EngineParts, 'searcher'>,
  example: LibraryExample,
  row: Float32Array,
): Promise<void> {
  const learned = await searcher?.vectors({ data: row, dim: searcher.rowDim })
  collection.add(example)
  vectors.add(row, learned?.candidates)
}

function remove(collection: Collection, vectors: Vectors, id: number): void {
  const row = collection.remove(id)
  if (row !== undefined) vectors.remove(row)
}

function withExamples({ picks, selector }: EngineChoice, collection: Collection): Chosen {
  return {
    selector,
    demonstrations: picks.map(({ row, ...why }) => ({ ...collection.example(row), ...why })),
  }
}

function checkNew(id: number, question: string, answer: string, collection: Collection): void {
  if (!Number.isSafeInteger(id) || id < 0) {
    throw new InputError(`selector: the id ${id} is not a whole number from 0; give another, or none`)
  }
  if (collection.rowOf(id) !== undefined) {
    throw new InputError(`selector: there is an example ${id} already; remove it first, or give another id`)
  }
  for (const [name, text] of Object.entries({ 'a question': question, 'an answer': answer })) {
    if (typeof text === 'string' && text.trim() !== '') continue
    throw new InputError(`selector: an example needs ${name} that is not empty; give one`)
  }
}

/** Writes the image of a new example, and its thumbnail, before anything refers to it. */
async function keepImage(
  folder: string,
  { images }: BundleManifest,
  image: NewExample['image'],
): Promise<Pick<LibraryExample, 'image' | 'imageHash' | 'thumbnail'>> {
  if (image === undefined) return { image: null, imageHash: null, thumbnail: null }
  const imageHash = hashBytes(image.bytes)
  const path = `${BUNDLE_FILES.images}/${imageName(imageHash, image.bytes)}`
  const write = async (name: string, bytes: Uint8Array): Promise<void> => {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFileAtomic(join(folder, name), bytes)
  }
  await write(path, image.bytes)
  if (!images.thumbnails) return { image: path, imageHash, thumbnail: null }
  const small = thumbnailFile(imageHash, await makeThumbnail(join(folder, path)))
  await write(small.path, small.bytes)
  return { image: path, imageHash, thumbnail: small.path }
}
