import type { Decoder } from '../decoder.ts'
import { logSoftmaxRow } from './log-softmax.ts'

/** A pointer and its log-probability under the policy, the sum over its steps. */
export interface PointerChoice {
  /** [K] positions in the pool, in the order of choice. */
  readonly pointer: Int32Array
  readonly logProb: number
}

/** The most probable candidate at every step, the first of equals. One pointer a query. */
export async function decodeGreedy(decoder: Decoder, shots: number): Promise<PointerChoice[]> {
  const { queries, pool } = decoder.batch
  const pointers = Array.from({ length: queries }, () => new Int32Array(shots))
  const logProbs = new Float64Array(queries)
  const parents = new Int32Array(queries)
  let frontier = await decoder.start()
  for (let t = 0; t < shots; t++) {
    const chosen = new Int32Array(queries)
    for (let b = 0; b < queries; b++) {
      const scores = logSoftmaxRow(frontier.logits, frontier.blocked, b, pool)
      let best = -1
      for (let n = 0; n < pool; n++) if (scores[n]! > (best < 0 ? -Infinity : scores[best]!)) best = n
      chosen[b] = best
      pointers[b]![t] = best
      logProbs[b]! += scores[best]!
    }
    if (t + 1 < shots) frontier = await decoder.advance(frontier, parents, chosen)
  }
  return pointers.map((pointer, b) => ({ pointer, logProb: logProbs[b]! }))
}
