import { stat } from 'node:fs/promises'
import { hashOf, openJournal } from '@lever/durable-files'
import type { BatchInputs, Rows } from './embed-batch.ts'

/** Rows as base64 of little-endian F32, in the order of the inputs. */
interface KeptBatch {
  readonly images: readonly string[]
  readonly texts: readonly string[]
}

export interface EmbedJournal {
  /** The rows of these inputs; undefined if they are not kept, or if an image has changed since. */
  get(inputs: BatchInputs): Promise<Rows | undefined>
  keep(inputs: BatchInputs, rows: Rows): Promise<void>
  close(): Promise<void>
}

/**
 * The journal of an embedding: one line per batch, because the last digits of a row may depend on what is embedded
 * together. Its key is the hash of the texts and of path, bytes and time of change of the images.
 *
 * @throws InputError if the file is the journal of another embedder
 */
export async function openEmbedJournal(
  path: string,
  embedder: { readonly name: string; readonly hash: string },
): Promise<EmbedJournal> {
  const { name, hash } = embedder
  const journal = await openJournal<KeptBatch>({
    path,
    header: { embed: 1, embedder: name, hash },
    syncEvery: 1,
    keepValues: false,
  })
  return {
    async get(inputs) {
      const kept = journal.get(await keyOf(inputs))
      if (kept === undefined) return undefined
      const rowsOf = (keys: readonly string[], rows: readonly string[]): Map<string, Float32Array> =>
        new Map(keys.map((key, i) => [key, decode(rows[i]!)]))
      return {
        images: rowsOf(inputs.images, kept.images),
        texts: rowsOf(inputs.texts, kept.texts),
      }
    },
    async keep(inputs, { images, texts }) {
      await journal.append(await keyOf(inputs), {
        images: inputs.images.map((path) => encode(images.get(path)!)),
        texts: inputs.texts.map((text) => encode(texts.get(text)!)),
      })
    },
    close: () => journal.close(),
  }
}

async function keyOf({ images, texts }: BatchInputs): Promise<string> {
  const stats = await Promise.all(images.map((path) => stat(path).catch(() => undefined)))
  return hashOf({
    images: images.map((path, i) => [path, stats[i]?.size ?? null, stats[i]?.mtimeMs ?? null]),
    texts,
  })
}

function encode(row: Float32Array): string {
  return Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('base64')
}

function decode(row: string): Float32Array {
  const bytes = Buffer.from(row, 'base64')
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}
