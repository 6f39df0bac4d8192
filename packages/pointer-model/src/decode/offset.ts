import { untilStop } from '../decoder.ts'
import type { Decoder } from '../decoder.ts'

/**
 * The greedy pointers of logits with an offset added at every step: argmax over the free candidates of
 * logits + offset, the first of equals. STOP has the offset 0.
 * @param offsets of [N] each; that of query b of the batch is `offsets[from + b]`
 */
export async function decodeOffset(
  decoder: Decoder,
  shots: number,
  offsets: readonly Float64Array[],
  from: number,
): Promise<Int32Array[]> {
  const { choices } = decoder
  const { queries, pool } = decoder.batch
  const chosen = Array.from({ length: queries }, (): number[] => [])
  const parents = new Int32Array(queries)
  let frontier = await decoder.start()
  for (let t = 0; t < shots; t++) {
    const picks = chosen.map((list, b) => {
      let [best, most] = [-1, -Infinity]
      for (let n = 0; n < choices; n++) {
        const at = b * choices + n
        if (frontier.blocked[at] !== 0) continue
        const score = frontier.logits[at]! + (offsets[from + b]![n] ?? 0)
        if (score > most) [best, most] = [n, score]
      }
      list.push(best)
      return best
    })
    if (t + 1 < shots) frontier = await decoder.advance(frontier, parents, Int32Array.from(picks))
  }
  return chosen.map((list) => untilStop(list, pool))
}
