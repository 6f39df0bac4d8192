import type { EmbeddingKind } from '@lever/tensor-files'
import type { Embedder, ExampleToEmbed } from './types.ts'

/** Rows by image path and by text. */
export interface Rows {
  readonly images: Map<string, Float32Array>
  readonly texts: Map<string, Float32Array>
}

/** What of a batch is to be embedded: paths of images, and texts. */
export interface BatchInputs {
  readonly images: readonly string[]
  readonly texts: readonly string[]
}

/** The images and texts of a batch that have no row yet. */
export function newInputs(part: readonly ExampleToEmbed[], kind: EmbeddingKind, known: Rows): BatchInputs {
  const images = kind === 'text' ? [] : part.flatMap(({ image }) => image ?? [])
  const texts = kind === 'image' ? [] : part.map(({ question }) => question)
  return {
    images: [...new Set(images)].filter((path) => !known.images.has(path)),
    texts: [...new Set(texts)].filter((text) => !known.texts.has(text)),
  }
}

/** The rows of a batch, and for every image that cannot be used the reason, by path. */
export async function embedBatch(
  embedder: Embedder,
  { images, texts }: BatchInputs,
): Promise<{ rows: Rows; reasons: ReadonlyMap<string, string> }> {
  const rows: Rows = { images: new Map(), texts: new Map() }
  const reasons = new Map<string, string>()
  const keepImages = (paths: readonly string[], made: Float32Array): void =>
    keep(rows.images, paths, made, embedder.dim.image)
  try {
    keepImages(images, await embedder.images(images))
  } catch {
    for (const path of images) {
      try {
        keepImages([path], await embedder.images([path]))
      } catch (error) {
        reasons.set(path, (error as Error).message.replace(/^vqa-model: /, ''))
      }
    }
  }
  keep(rows.texts, texts, await embedder.texts(texts), embedder.dim.text)
  return { rows, reasons }
}

function keep(
  rows: Map<string, Float32Array>,
  keys: readonly string[],
  made: Float32Array,
  dim: number,
): void {
  keys.forEach((key, i) => rows.set(key, made.slice(i * dim, (i + 1) * dim)))
}
