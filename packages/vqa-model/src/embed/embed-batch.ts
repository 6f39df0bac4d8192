import type { EmbeddingKind } from '@lever/tensor-files'
import type { Embedder, ExampleToEmbed, TextSource } from './types.ts'

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

/** The halves of an example's row: what its image's is of, and its text; undefined where the example has none. */
export interface Halves {
  image(example: ExampleToEmbed): string | undefined
  text(example: ExampleToEmbed): string | undefined
}

/** What the halves of rows are of, by the embedder and the source of the text. */
export function halvesOf({ imageOf = 'image' }: Pick<Embedder, 'imageOf'>, source: TextSource): Halves {
  return {
    image: (example) => example[imageOf],
    text({ question, context }) {
      if (source === 'question') return question
      if (source === 'context' || context === undefined) return context
      return `${context.trim()} ${question.trim()}`
    },
  }
}

/** The images and texts of a batch that have no row yet. */
export function newInputs(
  part: readonly ExampleToEmbed[],
  { kind, halves, imageOf }: { kind: EmbeddingKind; halves: Halves; imageOf: 'image' | 'context' },
  known: Rows,
): BatchInputs {
  const shown = kind === 'text' ? [] : part.flatMap((example) => halves.image(example) ?? [])
  const said = kind === 'image' ? [] : part.flatMap((example) => halves.text(example) ?? [])
  const images = imageOf === 'image' ? shown : []
  const texts = imageOf === 'image' ? said : [...shown, ...said]
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
