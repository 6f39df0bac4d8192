import type { Random } from '@lever/reward-utils'
import { untilStop } from '../decoder.ts'
import type { Decoder } from '../decoder.ts'
import type { PointerChoice } from './greedy.ts'
import { logSoftmaxRow } from './log-softmax.ts'

/** How pointers are drawn. */
export interface SampleOptions {
  /** Pointers a query. */
  count: number
  /** Logits are divided by it (default 1). */
  temperature?: number
  /** Only the most probable candidates that together hold this share are drawn from (default 1: all). */
  topP?: number
  /** [B] the random stream of every query. */
  randoms: readonly Random[]
}

/** A pointer that was drawn from a policy. */
export interface SampledPointer extends PointerChoice {
  /** Log-probability of the draw itself, with temperature and topP; `logProb` is the policy's own. */
  readonly sampledLogProb: number
}

/** Pointers drawn step by step, with replacement between pointers and without inside one. */
export async function decodeSample(
  decoder: Decoder,
  shots: number,
  { count, temperature = 1, topP = 1, randoms }: SampleOptions,
): Promise<SampledPointer[][]> {
  const { choices } = decoder
  const { queries, pool } = decoder.batch
  const drawn = Array.from({ length: queries }, () =>
    Array.from({ length: count }, () => ({
      pointer: [] as number[],
      logProb: 0,
      sampledLogProb: 0,
    })),
  )
  let frontier = await decoder.start()
  for (let t = 0; t < shots; t++) {
    const parents = new Int32Array(queries * count)
    const chosen = new Int32Array(queries * count)
    for (let b = 0; b < queries; b++) {
      for (let g = 0; g < count; g++) {
        const parent = t === 0 ? 0 : g
        const row = b * frontier.beams + parent
        const own = logSoftmaxRow(frontier.logits, frontier.blocked, row, choices)
        const tempered =
          temperature === 1
            ? own
            : logSoftmaxRow(frontier.logits, frontier.blocked, row, choices, temperature)
        const choice = draw(tempered, topP, randoms[b]!)
        const pointer = drawn[b]![g]!
        pointer.pointer.push(choice.position)
        pointer.logProb += own[choice.position]!
        pointer.sampledLogProb += choice.logProb
        parents[b * count + g] = parent
        chosen[b * count + g] = choice.position
      }
    }
    if (t + 1 < shots) frontier = await decoder.advance(frontier, parents, chosen)
  }
  return drawn.map((list) => list.map((each) => ({ ...each, pointer: untilStop(each.pointer, pool) })))
}

function draw(logProbs: Float64Array, topP: number, random: Random): { position: number; logProb: number } {
  const order: number[] = []
  logProbs.forEach((logProb, n) => {
    if (logProb > -Infinity) order.push(n)
  })
  order.sort((a, b) => logProbs[b]! - logProbs[a]! || a - b)
  let kept = order.length
  let mass = 0
  for (let i = 0; i < order.length; i++) {
    mass += Math.exp(logProbs[order[i]!]!)
    if (mass >= topP && topP < 1) {
      kept = i + 1
      break
    }
  }
  let left = random.next() * mass
  let at = 0
  while (at < kept - 1 && (left -= Math.exp(logProbs[order[at]!]!)) >= 0) at += 1
  const position = order[at]!
  return { position, logProb: logProbs[position]! - Math.log(mass) }
}
