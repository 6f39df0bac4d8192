import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InputError } from '@lever/durable-files'
import { imageLimits } from '@lever/vqa-model'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { checkBundle } from './bundle/check.ts'
import type { LibraryExample } from './bundle/library-file.ts'
import { isInside, type BundleManifest, type ChosenSelector } from './bundle/manifest.ts'
import type { SelectorChoice } from './engine/baselines.ts'
import type { Chosen } from './engine/open.ts'
import { createShownImages } from './images/shown.ts'
import { readImageSource, type ImageRules, type ImageSource, type ReadImage } from './images/source.ts'
import { selectionOf, type Selection } from './selection.ts'
import { createBatcher } from './worker/batcher.ts'
import { startThread } from './worker/thread.ts'

/** A question that demonstrations are wanted for. */
export interface SelectQuery {
  readonly question: string
  /** Left out where the bundle's embeddings are of texts alone. */
  readonly image?: ImageSource | undefined
  /** A row of the bundle's embeddings, [D], where it is known already; nothing is embedded then. */
  readonly embedding?: Float32Array | undefined
  /** Its id in the library's numbering, where it has one: it is not chosen itself, and random draws are those of `evaluate`. */
  readonly id?: number | undefined
  /** Examples about this image are not chosen. Images of the library are known by their bytes without it. */
  readonly imageId?: number | string | undefined
}

/** How demonstrations are chosen for one question. */
export interface SelectOptions {
  /** K. Default that of the bundle. */
  readonly shots?: number | undefined
  /** Ids of examples that may not be chosen. */
  readonly exclude?: readonly number[] | undefined
  /** `policy`, or the name of a baseline such as `rices-both`. Default that of the bundle. */
  readonly selector?: SelectorChoice | undefined
}

export const SELECT_OPTIONS: OptionNames<SelectOptions> = { shots: true, exclude: true, selector: true }

/** A solved example that is to be added to the library. */
export interface ExampleToAdd {
  /** A whole number from 0. Default one that no example has. */
  readonly id?: number | undefined
  readonly question: string
  /** What it shows as a demonstration. */
  readonly answer: string
  /** Default the answer. */
  readonly answers?: readonly string[] | undefined
  readonly image?: ImageSource | undefined
  /** Default that of the library's examples with the same bytes, else the hash of its bytes. */
  readonly imageId?: number | string | undefined
  readonly embedding?: Float32Array | undefined
}

/** How a bundle is opened, and what its images may be. */
export interface OpenSelectorOptions {
  /** Allow `add` and `remove`; one process at a time. Default false. */
  readonly writable?: boolean
  /** Threads of one embedding and one choice. Default 1. */
  readonly threads?: number
  /** Most questions that are worked on together. Default 32. */
  readonly batchSize?: number
  /** Open images by path. Default true. */
  readonly allowPaths?: boolean
  /** Fetch images by URL: always, never, or where a function says so. Default false. */
  readonly allowUrls?: boolean | ((url: URL) => boolean)
  /** Most bytes of an image. Default that of `LEVER_IMAGE_LIMITS`. */
  readonly maxImageBytes?: number
  /** Bytes of encoded images of prompts that are kept. Default 64 MiB. */
  readonly imageCache?: number
  /** Folder or id of the embedder's model, where the bundle does not include it. */
  readonly embedderModel?: string | undefined
  /** Compare the sizes of the bundle's files only, not every byte. Default false. */
  readonly trusted?: boolean
}

export const OPEN_SELECTOR_OPTIONS: OptionNames<OpenSelectorOptions> = {
  writable: true,
  threads: true,
  batchSize: true,
  allowPaths: true,
  allowUrls: true,
  maxImageBytes: true,
  imageCache: true,
  embedderModel: true,
  trusted: true,
}

/** Counts since the bundle was opened. */
export interface SelectorStats {
  /** Questions that wait or are being worked on. */
  readonly waiting: number
  readonly batches: number
  readonly selections: number
}

/** A bundle that is ready to choose. Close it when it is not needed any more. */
export interface OpenSelector {
  readonly folder: string
  readonly manifest: BundleManifest
  /** Examples in the library now. */
  readonly size: number
  /** @throws InputError if the question cannot be embedded, is given an image that may not be opened, or too many shots */
  select(query: SelectQuery, options?: SelectOptions): Promise<Selection>
  /** Many at once, in order. The first that fails fails the call. Where nobody else asks, to the same bits every time. */
  selectMany(queries: readonly SelectQuery[], options?: SelectOptions): Promise<Selection[]>
  /** The example is on disk when this resolves. @throws InputError if it is not one, or the bundle is not writable */
  add(example: ExampleToAdd): Promise<LibraryExample>
  /** False if there is none with this id. It is gone for good when this resolves. */
  remove(id: number): Promise<boolean>
  /** An example of the library; undefined if there is none with this id. */
  example(id: number): Promise<LibraryExample | undefined>
  /** Examples in the order of the library. */
  list(options?: { from?: number; count?: number }): Promise<LibraryExample[]>
  /** A file of the bundle that an example names: `image` or `thumbnail`. */
  file(path: string): Promise<Uint8Array>
  /** Counts since the bundle was opened. */
  stats(): SelectorStats
  /** Waits for what is being worked on. */
  close(): Promise<void>
}

const LIST_OPTIONS: OptionNames<NonNullable<Parameters<OpenSelector['list']>[0]>> = {
  from: true,
  count: true,
}

/** A question whose image is read. */
interface Prepared {
  readonly query: SelectQuery
  readonly image: ReadImage | undefined
}

/**
 * Opens a bundle. Embedding and choice run in a thread of their own; calls that come at the same time share their work.
 * @throws InputError if it is not a bundle, is damaged, or its embedder is another one here
 */
export async function openSelector(bundle: string, options: OpenSelectorOptions = {}): Promise<OpenSelector> {
  refuseUnknownOptions(options, OPEN_SELECTOR_OPTIONS, 'selector: openSelector')
  const { writable = false, threads = 1, batchSize = 32, trusted = false, embedderModel } = options
  const folder = resolve(bundle)
  const manifest = await checkBundle(folder, { trusted })
  const thread = startThread({ folder, manifest, threads, writable, embedderModel })
  let { size } = await thread.ask('open', {}).catch(async (error: unknown) => {
    await thread.end().catch(() => undefined)
    throw error
  })
  const rules = rulesOf(options)
  const shown = createShownImages(folder, options.imageCache ?? 2 ** 26)
  const batcher = createBatcher((queries) => thread.ask('select', { queries }), batchSize)
  let selections = 0
  let closed: Promise<void> | undefined

  const read = async (source: ImageSource | undefined): Promise<ReadImage | undefined> =>
    source === undefined ? undefined : readImageSource(source, rules)

  async function prepare(query: SelectQuery): Promise<Prepared> {
    if (closed !== undefined) throw new Error('selector: it is closed; open the bundle again')
    checkQuestion(query)
    return { query, image: await read(query.image) }
  }

  async function choose({ query, image }: Prepared, chosen: SelectOptions = {}): Promise<Selection> {
    const { shots = manifest.shots, exclude = [], selector } = chosen
    const found = await batcher.ask({
      ...{ question: query.question, image, shots, exclude, selector, id: query.id },
      embedding: query.embedding,
      imageId: query.imageId === undefined ? undefined : String(query.imageId),
    })
    selections += 1
    return selectionOf({
      ...{ folder, template: manifest.template, question: query.question, source: query.image, image, shown },
      ...{ chosen: found, selector: chosenBy(found, selector, manifest) },
    })
  }

  return {
    ...{ folder, manifest },
    get size() {
      return size
    },
    async select(query, chosen) {
      refuseUnknownOptions(chosen, SELECT_OPTIONS, 'selector: select')
      return choose(await prepare(query), chosen)
    },
    async selectMany(queries, chosen) {
      refuseUnknownOptions(chosen, SELECT_OPTIONS, 'selector: selectMany')
      const prepared = await Promise.all(queries.map(prepare))
      return Promise.all(prepared.map((one) => choose(one, chosen)))
    },
    async add({ image, ...example }) {
      if (!writable) throw readOnly()
      const added = await thread.ask('add', { example: { ...example, image: await read(image) } })
      size = added.size
      return added.example
    },
    async remove(exampleId) {
      if (!writable) throw readOnly()
      const { removed, size: left } = await thread.ask('remove', { exampleId })
      size = left
      return removed
    },
    example: (exampleId) => thread.ask('example', { exampleId }),
    async list(part = {}) {
      refuseUnknownOptions(part, LIST_OPTIONS, 'selector: list')
      const { from = 0, count = 100 } = part
      return thread.ask('list', { from, count })
    },
    async file(path) {
      if (!isInside(path) || !/^(images|thumbnails)\//.test(path)) {
        throw new InputError(`selector: ${JSON.stringify(path)} is not an image of the bundle`)
      }
      return readFile(join(folder, path))
    },
    stats: () => ({ waiting: batcher.waiting, batches: batcher.batches, selections }),
    close: () => (closed ??= batcher.idle().then(() => thread.end())),
  }
}

function rulesOf({ allowPaths = true, allowUrls = false, maxImageBytes }: OpenSelectorOptions): ImageRules {
  return {
    allowPaths,
    allowUrl: typeof allowUrls === 'function' ? allowUrls : () => allowUrls,
    maxBytes: maxImageBytes ?? imageLimits().bytes,
  }
}

function checkQuestion({ question }: SelectQuery): void {
  if (typeof question === 'string' && question.trim() !== '') return
  throw new InputError('selector: there is no question; give a text that is not empty')
}

function readOnly(): InputError {
  return new InputError('selector: the bundle was opened for reading only; open it with writable: true')
}

/** Who chose, and why it was this one. */
function chosenBy(
  { selector: name }: Chosen,
  asked: string | undefined,
  { selector: own }: BundleManifest,
): ChosenSelector {
  if (asked === undefined || name === own.name) return own
  return { kind: name === 'policy' ? 'policy' : 'baseline', name, because: 'asked', note: null }
}
