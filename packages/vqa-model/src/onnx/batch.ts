import type { Decoder, DecoderOutput } from './decoder.ts'
import { toFloats } from './half.ts'
import { gatherRows, type KvBlock, type Scratch } from './kv.ts'
import type { Ort, Session } from './ort.ts'
import type { TokenSegment } from './segments.ts'
import type { VqaModelStats } from '../types.ts'

/** The opened parts of a model that the engine works with. */
export interface Engine {
  ort: typeof Ort
  /** turns token ids into embeddings; undefined where the decoder does it itself */
  embed: Session | undefined
  decoder: Decoder
  stats: VqaModelStats
  scratch: Scratch
}

export interface BatchRow {
  /** row of the parent block */
  parent: number
  segment: TokenSegment
}

/**
 * Runs one segment per row on top of rows of a block, padded on the right.
 *
 * @param keep logits of the last columns wanted, counted from the longest segment's end; 0 for none
 */
export async function runBatch(
  engine: Engine,
  parents: KvBlock,
  rows: readonly BatchRow[],
  { keep, cache }: { keep: number; cache: boolean },
): Promise<DecoderOutput & { length: number }> {
  const { ort, decoder, stats, scratch } = engine
  const past = gatherRows(
    ort,
    parents,
    rows.map((row) => row.parent),
    scratch,
  )
  const length = Math.max(...rows.map((row) => row.segment.ids.length))
  const count = rows.length
  const tokens = await tokenRows(engine, rows, length)
  const positions = new Int32Array(3 * count * length)
  const next = new Int32Array(count)
  rows.forEach(({ segment }, row) => {
    const start = past.next[row]!
    const size = segment.ids.length
    for (let axis = 0; axis < 3; axis++) {
      const to = (axis * count + row) * length
      for (let j = 0; j < size; j++) positions[to + j] = start + segment.positions[axis * size + j]!
    }
    next[row] = start + segment.advance
  })
  const lengths = rows.map(({ segment }) => segment.ids.length)
  const output = await decoder.run({ past, length, tokens, lengths, positions, next, keep, cache })
  stats.decoderRuns += 1
  const bytes = count * decoder.bytesPerSlot * (past.slots + (cache ? past.slots + length : 0))
  stats.peakKvBytes = Math.max(stats.peakKvBytes, bytes)
  return { ...output, length }
}

/** [rows, S] token ids, or their embeddings [rows, S, D] with the features of images among them. */
async function tokenRows(
  { ort, embed, decoder: { width } }: Engine,
  rows: readonly BatchRow[],
  length: number,
): Promise<BigInt64Array | Float32Array> {
  const ids = new BigInt64Array(rows.length * length)
  const halves = new Int32Array(ids.buffer)
  rows.forEach(({ segment }, row) => {
    for (let j = 0; j < segment.ids.length; j++) halves[2 * (row * length + j)] = segment.ids[j]!
  })
  if (embed === undefined) return ids
  const outputs = await embed.run({ input_ids: new ort.Tensor('int64', ids, [rows.length, length]) })
  const embeds = toFloats(outputs['inputs_embeds']!)
  rows.forEach(({ segment }, row) => {
    for (const { at, features } of segment.images) embeds.set(features, (row * length + at) * width)
  })
  return embeds
}
