import type { Value } from '@lever/onnx-grad'
import { logitsOf, untilStop } from '../decoder.ts'
import type { PointerChoice } from './greedy.ts'

/**
 * Reads the result of the beam graph: for every query the `width` pointers of highest log-probability that beam
 * search found, best first. A query with fewer pointers than `width` gives all of them; a pointer that stopped
 * keeps its place.
 */
export function readBeams(
  result: Readonly<Record<string, Value>>,
  { queries, pool, shots, width }: { queries: number; pool: number; shots: number; width: number },
): PointerChoice[][] {
  logitsOf(result)
  const [parents, positions] = [result['parents']!.data, result['positions']!.data] as BigInt64Array[]
  const scores = result['scores']!.data as Float64Array
  const pointerOf = (b: number, last: number): Int32Array => {
    const choices: number[] = []
    let beam = last
    for (let t = shots - 1; t >= 0; t--) {
      const at = (b * shots + t) * width + beam
      choices.unshift(Number(positions![at]))
      beam = Number(parents![at])
    }
    return untilStop(choices, pool)
  }
  return Array.from({ length: queries }, (_, b) =>
    Array.from({ length: width }, (_, w) => w)
      .filter((w) => scores[b * width + w]! > -Infinity)
      .map((w) => ({ pointer: pointerOf(b, w), logProb: scores[b * width + w]! })),
  )
}
