import { untilStop } from '../decoder.ts'
import type { Decoder } from '../decoder.ts'
import type { PointerChoice } from './greedy.ts'
import { logSoftmaxRow } from './log-softmax.ts'

interface Beam {
  readonly parent: number
  readonly position: number
  readonly logProb: number
}

/**
 * Beam search: at every step the `width` prefixes of highest log-probability. Ranked by
 * log-probability, best first; equal ones by parent and position. A query with fewer pointers than
 * `width` gives all of them. A pointer that stopped keeps its place with its log-probability.
 */
export async function decodeBeam(decoder: Decoder, shots: number, width: number): Promise<PointerChoice[][]> {
  const { choices } = decoder
  const { queries, pool } = decoder.batch
  let frontier = await decoder.start()
  let alive: { pointer: number[]; logProb: number }[][] = Array.from({ length: queries }, () => [
    { pointer: [], logProb: 0 },
  ])
  for (let t = 0; t < shots; t++) {
    const parents = new Int32Array(queries * width)
    const chosen = new Int32Array(queries * width)
    alive = alive.map((beams, b) => {
      const best: Beam[] = []
      beams.forEach(({ logProb }, parent) => {
        const row = b * frontier.beams + parent
        const scores = logSoftmaxRow(frontier.logits, frontier.blocked, row, choices)
        for (let n = 0; n < choices; n++) {
          if (scores[n]! > -Infinity)
            insert(best, { parent, position: n, logProb: logProb + scores[n]! }, width)
        }
      })
      best.forEach(({ parent, position }, i) => {
        parents[b * width + i] = parent
        chosen[b * width + i] = position
      })
      for (let i = best.length; i < width; i++) {
        parents[b * width + i] = best[0]!.parent
        chosen[b * width + i] = best[0]!.position
      }
      return best.map(({ parent, position, logProb }) => ({
        pointer: [...beams[parent]!.pointer, position],
        logProb,
      }))
    })
    if (t + 1 < shots) frontier = await decoder.advance(frontier, parents, chosen)
  }
  return alive.map((beams) =>
    beams.map(({ pointer, logProb }) => ({ pointer: untilStop(pointer, pool), logProb })),
  )
}

/** Keeps the `width` best in order; an earlier one wins a tie. */
function insert(best: Beam[], beam: Beam, width: number): void {
  if (best.length === width && beam.logProb <= best[width - 1]!.logProb) return
  let at = best.length
  while (at > 0 && best[at - 1]!.logProb < beam.logProb) at -= 1
  best.splice(at, 0, beam)
  if (best.length > width) best.pop()
}
