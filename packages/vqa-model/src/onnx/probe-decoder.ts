import { runBatch, type BatchRow, type Engine } from './batch.ts'
import type { DecoderOutput } from './decoder.ts'
import { isDeviceFailure, isOutOfMemory } from './failures.ts'
import { emptyBlock, type KvBlock } from './kv.ts'
import { joinSegments, tokenSegment, type TokenSegment } from './segments.ts'

/** What a decoder can do; found out by trying, since file and input names do not tell. */
export interface DecoderAbilities {
  /** several tokens on a cache, one row */
  chunkOnPast: boolean
  /** the same for several rows at once, padded on the right, with masked slots in the cache */
  batchOnPast: boolean
  /** largest difference of a logit between these ways and one plain run */
  noise: number
}

/** Relative difference of logits above which a way counts as wrong. */
const TOLERANCE = 1e-2

/**
 * Runs two short random prompts whole, in two parts, and in two parts in one batch with padding
 * between, then one more token, and compares the logits. Decoders exported with plain MatMul
 * attention do all of it; with `GroupQueryAttention` only one row can go on from a cache.
 *
 * @param tokens number of token ids that may be used
 * @throws what the runtime says when its memory is used up or its device is gone
 */
export async function probeDecoder(engine: Engine, tokens: number): Promise<DecoderAbilities> {
  const root = emptyBlock(engine.ort, engine.decoder.layout)
  const at = (i: number): number => (7 + 31 * i) % tokens
  const ids = (from: number, count: number): TokenSegment =>
    tokenSegment([Int32Array.from({ length: count }, (_, i) => at(from + i))], -1)
  const prompts = [
    { head: ids(0, 4), tail: ids(4, 3), last: ids(7, 1) },
    { head: ids(20, 2), tail: ids(22, 5), last: ids(27, 1) },
  ]
  const whole: Float32Array[] = []
  for (const { head, tail, last } of prompts) {
    whole.push(
      await lastLogits(engine, root, joinSegments([head, tail])),
      await lastLogits(engine, root, joinSegments([head, tail, last])),
    )
  }
  const chunk = await tryWay(async () => {
    const found: Float32Array[] = []
    for (const { head, tail, last } of prompts) {
      const first = await runBatch(engine, root, [{ parent: 0, segment: head }], { keep: 0, cache: true })
      const second = await runBatch(engine, first.block!, [{ parent: 0, segment: tail }], {
        keep: 1,
        cache: true,
      })
      found.push(logitsAt(second, 0, second.columns - 1), await lastLogits(engine, second.block!, last))
    }
    return found
  }, whole)
  const batch = await tryWay(async () => {
    const row = (part: 'head' | 'tail' | 'last'): BatchRow[] =>
      prompts.map((prompt, i) => ({ parent: part === 'head' ? 0 : i, segment: prompt[part] }))
    const first = await runBatch(engine, root, row('head'), { keep: 0, cache: true })
    const second = await runBatch(engine, first.block!, row('tail'), { keep: 5, cache: true })
    const third = await runBatch(engine, second.block!, row('last'), { keep: 1, cache: false })
    return prompts.flatMap(({ tail }, i) => [
      logitsAt(second, i, second.columns - 5 + tail.ids.length - 1),
      logitsAt(third, i, third.columns - 1),
    ])
  }, whole)
  const works = (difference: number): boolean => difference <= TOLERANCE
  const scale = Math.max(...whole.map(largest))
  const noise = Math.max(...[chunk, batch].filter(works), 0) * scale
  return { chunkOnPast: works(chunk), batchOnPast: works(chunk) && works(batch), noise }
}

async function lastLogits(engine: Engine, block: KvBlock, segment: TokenSegment): Promise<Float32Array> {
  const run = await runBatch(engine, block, [{ parent: 0, segment }], { keep: 1, cache: false })
  return logitsAt(run, 0, run.columns - 1)
}

/** [V] logits of a column of a row. */
function logitsAt({ logits, columns, rows }: DecoderOutput, row: number, column: number): Float32Array {
  const size = logits.length / (rows * columns)
  const start = (row * columns + column) * size
  return logits.slice(start, start + size)
}

function largest(logits: Float32Array): number {
  return logits.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30)
}

/**
 * Largest difference relative to the largest logit; Infinity where the way fails.
 *
 * @throws the error when memory or the device is to blame
 */
async function tryWay(way: () => Promise<Float32Array[]>, whole: readonly Float32Array[]): Promise<number> {
  try {
    const found = await way()
    return Math.max(
      ...whole.map((wanted, i) => {
        const difference = wanted.reduce(
          (most, value, v) => Math.max(most, Math.abs(value - found[i]![v]!)),
          0,
        )
        return Number.isFinite(difference) ? difference / largest(wanted) : Infinity
      }),
    )
  } catch (error) {
    if (isOutOfMemory(error as Error) || isDeviceFailure(error as Error)) throw error
    return Infinity
  }
}
