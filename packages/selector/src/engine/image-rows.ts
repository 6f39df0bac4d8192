import type { Embedder, ImageFile } from '@lever/vqa-model'
import { failure, type Failed } from './failure.ts'
import type { EngineQuery } from './query.ts'

/** A question with the SHA-256 of its image's bytes. */
export type Asked = EngineQuery & { readonly hash: string | null }

/** Rows of images that are kept, so that a second question about an image costs no encoding. */
const KEPT = 1024

/** Rows of the images of questions, each encoded once; an image that cannot be used fails its questions alone. */
export function imageRows(
  embedder: Embedder,
): (queries: readonly Asked[]) => Promise<(Float32Array | Failed)[]> {
  const kept = new Map<string, Float32Array>()

  async function encode(files: readonly ImageFile[]): Promise<(Float32Array | Failed)[]> {
    const width = embedder.dim.image
    try {
      const rows = await embedder.images(files)
      return files.map((_, i) => rows.slice(i * width, (i + 1) * width))
    } catch (error) {
      if (files.length === 1) {
        return [failure((error as Error).message.replace(/^vqa-model/, 'selector'), true)]
      }
      const alone: (Float32Array | Failed)[] = []
      for (const file of files) alone.push((await encode([file]))[0]!)
      return alone
    }
  }

  return async (queries) => {
    const found = new Map<string, Float32Array | Failed>()
    const fresh = new Map<string, ImageFile>()
    for (const { hash, image } of queries) {
      if (hash === null) continue
      const known = kept.get(hash)
      if (known === undefined) fresh.set(hash, image!)
      else found.set(hash, known)
    }
    const made = fresh.size === 0 ? [] : await encode([...fresh.values()])
    Array.from(fresh.keys()).forEach((hash, i) => {
      const row = made[i]!
      found.set(hash, row)
      if (!('error' in row)) kept.set(hash, row)
    })
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break
      kept.delete(oldest)
    }
    return queries.map(({ hash }) =>
      hash === null
        ? failure('selector: there is no image, and the bundle compares images; give one', true)
        : found.get(hash)!,
    )
  }
}
