import { advanceBeams, startBeams, type BeamSearch, type BeamSettings } from './beam.ts'
import { runBatch, type Engine } from './batch.ts'
import type { KvBlock } from './kv.ts'
import { tokenSegment } from './segments.ts'

export interface BeamAnswer {
  tokens: number[]
  /** see `BeamSearch.margin` */
  margin: number
  /** why there is no answer; the other rows have theirs */
  error?: Error
}

interface Row {
  search: BeamSearch
  error?: Error
  /** where the keys and values of the running beams are */
  places: { block: KvBlock; row: number }[]
}

/**
 * The best continuation of every row by beam search, all beams of all rows in one run of the decoder a step; without
 * `batched`, one beam a run.
 *
 * @param logits after the last token of each prompt, from `offsets[row]`, V each
 * @param block keys and values of the prompts
 */
export async function answerBeams(
  engine: Engine,
  block: KvBlock,
  { logits, offsets, size }: { logits: Float32Array; offsets: readonly number[]; size: number },
  settings: BeamSettings & { batched: boolean },
): Promise<BeamAnswer[]> {
  const rows = offsets.map((offset, row): Row => {
    const state: Row = { search: startBeams(), places: [] }
    advance(state, logits, [offset])
    state.places = state.search.running.map(() => ({ block, row }))
    return state
  })
  for (;;) {
    const steps = rows.flatMap((row) =>
      row.search.running.map((beam, i) => ({ beam, place: row.places[i]! })),
    )
    if (steps.length === 0) break
    const cache = steps[0]!.beam.tokens.length + 1 < settings.maxNewTokens
    const parts = settings.batched ? [steps] : steps.map((step) => [step])
    const found: { logits: Float32Array; offset: number; block: KvBlock | undefined; row: number }[] = []
    for (const part of parts) {
      const run = await runBatch(
        engine,
        part[0]!.place.block,
        part.map(({ beam, place }) => ({
          parent: place.row,
          segment: tokenSegment([Int32Array.of(beam.tokens.at(-1)!)], -1),
        })),
        { keep: 1, cache },
      )
      part.forEach((_, row) =>
        found.push({
          logits: run.logits,
          offset: ((row + 1) * run.columns - 1) * size,
          block: run.block,
          row,
        }),
      )
    }
    engine.stats.decodeSteps += steps.length
    let next = 0
    for (const row of rows) {
      const mine = found.slice(next, (next += row.search.running.length))
      if (mine.length === 0) continue
      const joined = settings.batched ? mine[0]!.logits : joinLogits(mine, size)
      const starts = mine.map(({ offset }, i) => (settings.batched ? offset : i * size))
      advance(row, joined, starts)
      row.places = row.search.running.map(({ parent }) => {
        const { block: kept, row: at } = mine[parent]!
        return { block: kept!, row: at }
      })
    }
  }
  return rows.map(({ search: { finished, margin }, error }) =>
    error === undefined ? { tokens: finished[0]!.tokens, margin } : { tokens: [], margin: Infinity, error },
  )

  function advance(row: Row, from: Float32Array, starts: readonly number[]): void {
    try {
      row.search = advanceBeams(row.search, from, starts, size, settings)
    } catch (error) {
      row.error = error as Error
      row.search = { ...row.search, running: [] }
    }
  }
}

function joinLogits(parts: readonly { logits: Float32Array; offset: number }[], size: number): Float32Array {
  const joined = new Float32Array(parts.length * size)
  parts.forEach(({ logits, offset }, i) => joined.set(logits.subarray(offset, offset + size), i * size))
  return joined
}
