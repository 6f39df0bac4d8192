import {
  add,
  argMax,
  cast,
  concat,
  constant,
  div,
  expandDims,
  gather,
  gatherLast,
  greaterOrEqual,
  logSoftmax,
  matmul,
  mul,
  oneHot,
  operator,
  reshape,
  scalar,
  shapeOf,
  sub,
  topIndices,
  where,
} from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { choose, pointerLogits } from './sequence.ts'
import type { BoundNet, PointerState } from './sequence.ts'
import type { Features } from './types.ts'

/**
 * Greedy decoding as graph nodes: `chosen` [B, K] (int64), the largest logit of every step and the first of
 * equals, and `logits` [B, K, C].
 */
export function greedyOutputs(net: BoundNet, begun: PointerState, shots: number): Record<string, Tensor> {
  const chosen: Tensor[] = []
  const logits: Tensor[] = []
  let pointers = begun
  for (let t = 0; t < shots; t++) {
    const step = scalar(t, 'int64')
    const scores = pointerLogits(net, pointers, step)
    const best = argMax(scores)
    chosen.push(best)
    logits.push(scores)
    if (t + 1 < shots) pointers = choose(net, pointers, oneHotOf(best, scores), step)
  }
  return { chosen: concat(chosen, 1), logits: concat(logits, 1) }
}

/**
 * Beam search as graph nodes, W beams: for every step the `parents` [B, K, W] and `positions` [B, K, W] (int64) of
 * the W best, after the last step their log-probabilities `scores` [B, W] (float64), best first; a beam that does
 * not exist has -Infinity. Equal ones are ordered by parent and position. `logits` [B, 1, C] are those of the first
 * step. Log-probabilities are summed in double precision.
 */
export function beamOutputs(
  net: BoundNet,
  begun: PointerState,
  { shots, width }: { shots: number; width: number },
): Record<string, Tensor> {
  const parents: Tensor[] = []
  const positions: Tensor[] = []
  const first = pointerLogits(net, begun, scalar(0, 'int64'))
  const size = lastSize(first)
  const others = new Array<number>(width - 1).fill(-Infinity)
  let total = constant([0, ...others], [1, width], 'float64')
  let pointers = begun
  let logits = first
  for (let t = 0; t < shots; t++) {
    const logProbs = logSoftmax(cast(logits, 'float64'))
    const open = where(greaterOrEqual(pointers.blocked, 0.5), scalar(-Infinity, 'float64'), logProbs)
    const grown = flat(add(expandDims(total, -1), open))
    const best = topIndices(grown, width)
    const parent = div(best, size)
    const position = sub(best, mul(parent, size))
    total = gatherLast(grown, best)
    parents.push(expandDims(parent, 1))
    positions.push(expandDims(position, 1))
    if (t + 1 === shots) break
    const step = scalar(t, 'int64')
    const kept = oneHot(parent, width)
    const followed = {
      ...pointers,
      state: mapFeatures(pointers.state, (x) => follow(kept, x)),
      blocked: follow(kept, pointers.blocked),
    }
    pointers = choose(net, followed, oneHotOf(position, first), step)
    logits = pointerLogits(net, pointers, scalar(t + 1, 'int64'))
  }
  return { parents: concat(parents, 1), positions: concat(positions, 1), scores: total, logits: first }
}

/** What the beams keep of their parents: [B, W, W] one-hot times [B, W, *]; the same for all while P is 1. */
function follow(kept: Tensor, x: Tensor): Tensor {
  return x.shape[1] === 1 ? x : matmul(kept, x)
}

/** [B, W, C] as [B, W C]. */
function flat(x: Tensor): Tensor {
  return reshape(x, [x.shape[0]!, `${x.shape[1]!} * ${x.shape[2]!}`])
}

/** C of logits [B, P, C], which may be known only when the graph runs: int64 [1]. */
function lastSize(logits: Tensor): Tensor {
  return gather(shapeOf(logits), constant([2], [1], 'int64'))
}

/** One-hot rows [B, P, C] of positions [B, P], for the C of logits. */
function oneHotOf(positions: Tensor, logits: Tensor): Tensor {
  const shape = [...positions.shape, logits.shape[2]!]
  const values = constant([0, 1], [2])
  return operator('OneHot', [positions, lastSize(logits), values], { shape, dtype: 'float32' })
}

function mapFeatures(features: Features, f: (tensor: Tensor) => Tensor): Features {
  return Object.fromEntries(Object.entries(features).map(([name, tensor]) => [name, f(tensor)]))
}
