import { InputError } from '@lever/durable-files'
import { readSafetensors, writeSafetensors, type TensorEntry } from '@lever/tensor-files'
import { joinRows } from './normalize.ts'
import type { Embedder } from './types.ts'

export const embeddingKinds = ['image', 'text', 'both'] as const

export type EmbeddingKind = (typeof embeddingKinds)[number]

/** What of an example is embedded; a `VqaExample` is one. */
export interface ExampleToEmbed {
  id: number
  /** path; missing where the image is */
  image?: string
  question: string
}

/** The embeddings artefact in memory: row i belongs to `ids[i]`. */
export interface Embeddings {
  /** [M, D], rows of length 1 */
  embeddings: Float32Array
  ids: BigInt64Array
  rows: number
  dim: number
  metadata: { model: string; kind: EmbeddingKind; source: string; [key: string]: string }
}

export interface EmbedOptions {
  kind?: EmbeddingKind
  /** what the examples are, e.g. the hash of their data set */
  source?: string
  /** leave examples out whose image cannot be used, instead of an error */
  skipBroken?: boolean
  batch?: number
  signal?: AbortSignal
  onProgress?: (done: number) => void
}

export interface EmbedResult extends Embeddings {
  /** examples left out, with the reason */
  skipped: readonly { id: number; reason: string }[]
}

/**
 * Embeddings of examples, in their order. Each image file and each text is embedded once.
 *
 * @throws InputError for an image that cannot be used, two examples with one id, or an unknown kind
 */
export async function embedExamples(
  embedder: Embedder,
  examples: readonly ExampleToEmbed[],
  {
    kind = 'both',
    source = '',
    skipBroken = false,
    batch = 32,
    signal,
    onProgress = () => undefined,
  }: EmbedOptions = {},
): Promise<EmbedResult> {
  if (!embeddingKinds.includes(kind)) {
    throw new InputError(
      `vqa-model: unknown kind of embeddings "${kind as string}"; choose one of ${embeddingKinds.join(', ')}`,
    )
  }
  checkIds(examples)
  const images = new Map<string, Float32Array>()
  const texts = new Map<string, Float32Array>()
  const skipped: { id: number; reason: string }[] = []
  const kept: ExampleToEmbed[] = []
  for (let from = 0; from < examples.length; from += batch) {
    signal?.throwIfAborted()
    const part = examples.slice(from, from + batch)
    const broken = kind === 'text' ? new Map<number, string>() : await embedImages(embedder, part, images)
    for (const example of part) {
      const reason = broken.get(example.id)
      if (reason === undefined) kept.push(example)
      else if (skipBroken) skipped.push({ id: example.id, reason })
      else
        throw new InputError(`${reason} (example ${example.id}); repair the image or leave the example out`)
    }
    if (kind !== 'image') await embedTexts(embedder, part, texts)
    onProgress(Math.min(from + batch, examples.length))
  }
  const { rows, dim } = rowsOf(embedder, kept, kind, images, texts)
  return {
    embeddings: rows,
    ids: BigInt64Array.from(kept, ({ id }) => BigInt(id)),
    rows: kept.length,
    dim,
    metadata: { model: embedder.name, kind, source, model_hash: embedder.hash },
    skipped,
  }
}

/** Writes the artefact: `embeddings` F32 [M, D], `ids` I64 [M] and the metadata. */
export async function writeEmbeddings(
  path: string,
  { embeddings, ids, rows, dim, metadata }: Embeddings,
): Promise<void> {
  await writeSafetensors(path, {
    tensors: new Map<string, TensorEntry>([
      ['embeddings', { dtype: 'F32', shape: [rows, dim], data: embeddings }],
      ['ids', { dtype: 'I64', shape: [rows], data: ids }],
    ]),
    metadata: new Map(Object.entries(metadata)),
  })
}

/** @throws InputError when the file is not an embeddings artefact */
export async function readEmbeddings(path: string): Promise<Embeddings> {
  const { tensors, metadata } = await readSafetensors(path)
  const embeddings = tensors.get('embeddings')
  const ids = tensors.get('ids')
  const [rows, dim] = embeddings?.shape ?? []
  if (
    embeddings?.dtype !== 'F32' ||
    embeddings.shape.length !== 2 ||
    ids?.dtype !== 'I64' ||
    ids.shape.length !== 1 ||
    ids.shape[0] !== rows
  ) {
    const found = [...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(', ')}]`)
    throw new InputError(
      `vqa-model: ${path} is not an embeddings file: it holds ${found.join(', ') || 'nothing'}; ` +
        `"embeddings" F32 [M, D] and "ids" I64 [M] are needed (lever embed writes them)`,
    )
  }
  const kind = metadata.get('kind') as EmbeddingKind | undefined
  return {
    embeddings: embeddings.data as Float32Array,
    ids: ids.data as BigInt64Array,
    rows: rows!,
    dim: dim!,
    metadata: {
      ...Object.fromEntries(metadata),
      model: metadata.get('model') ?? 'unknown',
      kind: kind ?? 'both',
      source: metadata.get('source') ?? '',
    },
  }
}

function checkIds(examples: readonly ExampleToEmbed[]): void {
  const seen = new Set<number>()
  for (const { id } of examples) {
    if (!Number.isSafeInteger(id))
      throw new InputError(`vqa-model: the id ${id} of an example is not a whole number`)
    if (seen.has(id)) throw new InputError(`vqa-model: two examples have the id ${id}; ids must differ`)
    seen.add(id)
  }
}

/** Embeds the images of a batch that are new. @returns id -> reason, for those that cannot be used */
async function embedImages(
  embedder: Embedder,
  part: readonly ExampleToEmbed[],
  known: Map<string, Float32Array>,
): Promise<Map<number, string>> {
  const broken = new Map<number, string>()
  const reasons = new Map<string, string>()
  const missing = [...new Set(part.map(({ image }) => image))].filter(
    (path): path is string => path !== undefined && !known.has(path),
  )
  const keep = (paths: readonly string[], rows: Float32Array): void => {
    const dim = embedder.dim.image
    paths.forEach((path, i) => known.set(path, rows.slice(i * dim, (i + 1) * dim)))
  }
  try {
    keep(missing, await embedder.images(missing))
  } catch {
    for (const path of missing) {
      try {
        keep([path], await embedder.images([path]))
      } catch (error) {
        reasons.set(path, (error as Error).message)
      }
    }
  }
  for (const { id, image } of part) {
    const reason = image === undefined ? 'vqa-model: there is no image' : reasons.get(image)
    if (reason !== undefined) broken.set(id, reason)
  }
  return broken
}

async function embedTexts(
  embedder: Embedder,
  part: readonly ExampleToEmbed[],
  known: Map<string, Float32Array>,
): Promise<void> {
  const missing = [...new Set(part.map(({ question }) => question))].filter((text) => !known.has(text))
  const rows = await embedder.texts(missing)
  const dim = embedder.dim.text
  missing.forEach((text, i) => known.set(text, rows.slice(i * dim, (i + 1) * dim)))
}

function rowsOf(
  { dim, both }: Embedder,
  examples: readonly ExampleToEmbed[],
  kind: EmbeddingKind,
  images: ReadonlyMap<string, Float32Array>,
  texts: ReadonlyMap<string, Float32Array>,
): { rows: Float32Array; dim: number } {
  const stack = (width: number, rowOf: (example: ExampleToEmbed) => Float32Array): Float32Array => {
    const rows = new Float32Array(examples.length * width)
    examples.forEach((example, i) => rows.set(rowOf(example), i * width))
    return rows
  }
  const imageRows = (): Float32Array => stack(dim.image, ({ image }) => images.get(image!)!)
  const textRows = (): Float32Array => stack(dim.text, ({ question }) => texts.get(question)!)
  if (kind === 'image') return { rows: imageRows(), dim: dim.image }
  if (kind === 'text') return { rows: textRows(), dim: dim.text }
  return joinRows(imageRows(), textRows(), { dim, both })
}
