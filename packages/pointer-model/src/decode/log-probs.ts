import type { Decoder } from '../decoder.ts'
import { logSoftmaxRow } from './log-softmax.ts'

/**
 * Log-probabilities of given pointers, the sum over their steps.
 * @param pointers for every query its pointers, each [K] positions in the pool; -1 is STOP
 */
export async function decodeLogProbs(
  decoder: Decoder,
  pointers: readonly (readonly ArrayLike<number>[])[],
): Promise<Float64Array[]> {
  const { choices } = decoder
  const { queries, pool } = decoder.batch
  const longest = (lists: readonly ArrayLike<unknown>[]): number =>
    lists.reduce((most, { length }) => Math.max(most, length), 0)
  const group = longest(pointers)
  const shots = longest(pointers.flat())
  const sums = pointers.map((list) => new Float64Array(list.length))
  if (group === 0 || shots === 0) return sums
  let frontier = await decoder.start()
  for (let t = 0; t < shots; t++) {
    const parents = new Int32Array(queries * group)
    const chosen = new Int32Array(queries * group)
    for (let b = 0; b < queries; b++) {
      pointers[b]!.forEach((pointer, g) => {
        if (t >= pointer.length) return
        const parent = t === 0 ? 0 : g
        const row = b * frontier.beams + parent
        const position = pointer[t]! < 0 ? pool : pointer[t]!
        sums[b]![g]! += logSoftmaxRow(frontier.logits, frontier.blocked, row, choices)[position]!
        parents[b * group + g] = parent
        chosen[b * group + g] = position
      })
    }
    if (t + 1 < shots) frontier = await decoder.advance(frontier, parents, chosen)
  }
  return sums
}
