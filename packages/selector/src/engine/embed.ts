import { hashBytes, InputError } from '@lever/durable-files'
import { kindsOf, type EmbeddingKind } from '@lever/tensor-files'
import { joinRows, type Embedder } from '@lever/vqa-model'
import type { BundledEmbedder } from '../bundle/manifest.ts'
import { failure, type Failed } from './failure.ts'
import { imageRows, type Asked } from './image-rows.ts'
import type { EngineQuery } from './query.ts'

/** A question as vectors: a row per kind that the library has too, each [D of the kind]. */
export interface EmbeddedQuery {
  readonly rows: Readonly<Partial<Record<EmbeddingKind, Float32Array>>>
  /** SHA-256 of the image's bytes. */
  readonly imageHash: string | null
}

export interface QueryEmbedder {
  embed(queries: readonly EngineQuery[]): Promise<(EmbeddedQuery | Failed)[]>
  /** The row of an example as the embedding file holds it, [D]. */
  rowOf(query: Pick<EngineQuery, 'image' | 'question' | 'embedding'>): Promise<Float32Array>
  close(): Promise<void>
}

/** Embeds questions as `lever embed` embeds those of a dataset. */
export function queryEmbedder(embedder: Embedder, facts: BundledEmbedder): QueryEmbedder {
  const images = imageRows(embedder)

  async function textRows(queries: readonly Asked[]): Promise<Float32Array[]> {
    const width = embedder.dim.text
    const rows = await embedder.texts(queries.map(({ question }) => question))
    return queries.map((_, i) => rows.slice(i * width, (i + 1) * width))
  }

  async function rows(queries: readonly Asked[]): Promise<(Float32Array | Failed)[]> {
    if (queries.length === 0) return []
    if (facts.kind === 'text') return textRows(queries)
    const found = await images(queries)
    if (facts.kind === 'image') return found
    const texts = await textRows(queries)
    return found.map((image, i) => ('error' in image ? image : joinRows(image, texts[i]!, embedder).rows))
  }

  async function rowsOf(queries: readonly Asked[]): Promise<(Float32Array | Failed)[]> {
    const asked = queries.filter(({ embedding }) => embedding === undefined)
    const made = (await rows(asked)).values()
    return queries.map(({ embedding }) => {
      if (embedding === undefined) return made.next().value!
      if (embedding.length === facts.dim && embedding.every(Number.isFinite)) return embedding
      return failure(
        `selector: the embedding has ${embedding.length} numbers; give ${facts.dim} finite ones`,
        true,
      )
    })
  }

  return {
    async embed(queries) {
      const asked = queries.map(withHash)
      const found = await rowsOf(asked)
      return found.map((row, i) => {
        if ('error' in row) return row
        const matrix = { ...unknown, data: row, dim: facts.dim, kind: facts.kind, imageDim: facts.imageDim }
        const kinds = Object.entries(kindsOf(matrix)).map(([kind, { data }]) => [kind, data])
        return { rows: Object.fromEntries(kinds) as EmbeddedQuery['rows'], imageHash: asked[i]!.hash }
      })
    },
    async rowOf(query) {
      const [row] = await rowsOf([withHash({ ...query, shots: 0, exclude: [] })])
      if ('error' in row!) throw new InputError(row.error.message)
      return row!
    },
    async close() {
      await embedder.close()
    },
  }
}

/** What `kindsOf` does not look at. */
const unknown = { ids: [0], model: '', modelHash: '', source: '' }

function withHash(query: EngineQuery): Asked {
  const { image } = query
  const hash = image === undefined ? null : hashBytes(image.bytes)
  return { ...query, hash }
}
