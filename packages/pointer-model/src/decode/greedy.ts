import type { Value } from '@lever/onnx-grad'
import { logitsOf, untilStop } from '../decoder.ts'
import { logSumExp } from './log-softmax.ts'

/** A pointer and its log-probability under the policy, the sum over its steps. */
export interface PointerChoice {
  /** [K] positions in the pool, in the order of choice; fewer where the architecture chose to stop. */
  readonly pointer: Int32Array
  readonly logProb: number
}

/** A pointer that was chosen step by step. */
export interface GreedyChoice extends PointerChoice {
  /** [K] log-probability of every choice at its step; one more than the pointer where the architecture chose to stop. */
  readonly stepLogProbs: Float64Array
}

/**
 * Reads the result of the greedy graph: the most probable candidate at every step, the first of equals.
 * One pointer a query.
 */
export function readGreedy(
  result: Readonly<Record<string, Value>>,
  { queries, pool, shots }: { queries: number; pool: number; shots: number },
): GreedyChoice[] {
  const logits = logitsOf(result)
  const chosen = result['chosen']!.data as BigInt64Array
  const size = logits.length / (queries * shots)
  return Array.from({ length: queries }, (_, b) => {
    const choices: number[] = []
    const steps: number[] = []
    for (let t = 0; t < shots; t++) {
      const row = b * shots + t
      const position = Number(chosen[row])
      choices.push(position)
      steps.push(logits[row * size + position]! - logSumExp(logits, row, size))
    }
    const pointer = untilStop(choices, pool)
    return {
      pointer,
      logProb: steps.reduce((sum, step) => sum + step, 0),
      stepLogProbs: Float64Array.from(steps.slice(0, pointer.length + 1)),
    }
  })
}
