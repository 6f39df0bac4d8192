import type { Device } from '../devices/devices.ts'

/** The path of an image file, or the bytes of one with a name for messages. */
export type ImageFile = string | { readonly name: string; readonly bytes: Uint8Array }

/** Turns images and texts into vectors. */
export interface Embedder {
  readonly name: string
  readonly dim: { image: number; text: number }
  /** how the halves of an example become one row: side by side, or their mean; renormalised */
  readonly both: 'concatenate' | 'average'
  /** what the image's half is of: the image when left out, or the example's `context`, for embedders of texts alone */
  readonly imageOf?: 'image' | 'context'
  /** SHA-256 over the files that fix the vectors */
  readonly hash: string
  /**
   * Rows of length 1, [n, dim.image].
   *
   * @throws Error naming the file when an image cannot be used
   */
  images(files: readonly ImageFile[]): Promise<Float32Array>
  /** Rows of length 1 (zero for a text without known words), [n, dim.text]. */
  texts(texts: readonly string[]): Promise<Float32Array>
  /** Frees the session. */
  close(): Promise<void>
}

/** The model of an embedder, and how it runs. */
export interface EmbedderOptions {
  /** folder of the model */
  model: string
  /** where it runs; `cpu` when left out */
  device?: Device
  /** threads of one session */
  threads?: number
  /** limits of an image's area in pixels, where the embedder has them */
  pixels?: { min?: number; max?: number }
}

/** What of an example is embedded; an `Example` is one. */
export interface ExampleToEmbed {
  id: number
  /** path; missing where the image is */
  image?: string
  /** text about the image; missing where there is none */
  context?: string
  question: string
}

/** The folder of an embedder's model, and what of it the embedder reads. */
export interface EmbedderFiles {
  readonly path: string
  /** On the Hub, where the model was named by its id. */
  readonly id: string | undefined
  /** Paths relative to the folder. */
  readonly files: readonly string[]
}

/** What of an example is the text of kind `text`: `both` is the context, then the question, in one text. */
export const TEXT_SOURCES = ['question', 'context', 'both'] as const

/** A name of {@link TEXT_SOURCES}. */
export type TextSource = (typeof TEXT_SOURCES)[number]
