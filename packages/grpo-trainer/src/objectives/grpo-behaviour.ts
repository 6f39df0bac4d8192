import {
  cast,
  div,
  equal,
  exp,
  greaterOrEqual,
  logSoftmax,
  minimum,
  mul,
  square,
  stopGradient,
  sub,
  sum,
  where,
} from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { atLeastOne, overQueries, sequenceLogProbs } from './formulas.ts'
import type { LossInputs } from './types.ts'

/**
 * What is done about pointers that another policy proposed: nothing; their weight is cut at a cap (`truncate`); or they are
 * left out above it (`mask`).
 */
export type BehaviourCorrection = 'none' | 'truncate' | 'mask'

export interface BehaviourOptions {
  readonly behaviour: BehaviourCorrection
  readonly behaviourCap: number
}

/**
 * Multiplies the advantages by importance weights, self-normalised in the group, since a group is not a sample of one policy:
 * w_g = G exp(l_g) / sum exp(l), l_g = log old(pointer g) - log proposer(pointer g), of mean 1, then cut at the cap c by
 * `truncate`: min(w, c), or `mask`: w where w <= c, else 0 (truncated and masked importance sampling; Ionides 2008).
 *
 * Metrics: `pointer/ess`, the effective sample size 1 / sum (w / G)^2 of a group before the cut, in pointers, and
 * `pointer/behaviour_cut`, the share of the pointers that are cut.
 */
export function correctBehaviour(
  inputs: LossInputs,
  { behaviour, behaviourCap }: BehaviourOptions,
): { inputs: LossInputs; metrics: Record<string, Tensor> } {
  const { keep, proposer } = inputs
  if (behaviour === 'none' || proposer === undefined) return { inputs, metrics: {} }
  const old = stopGradient(sequenceLogProbs(inputs.old ?? inputs.policy))
  const share = exp(logSoftmax(where(equal(keep, 1), sub(old, proposer), -1e9)))
  const kept = mul(share, keep)
  const count = sum(keep, { axes: [1], keepDims: true })
  const weight = mul(kept, count)
  const isWithin = cast(greaterOrEqual(behaviourCap, weight), weight.dtype)
  const cut = behaviour === 'truncate' ? minimum(weight, behaviourCap) : mul(weight, isWithin)
  const ess = div(1, sum(square(share), { axes: [1] }))
  const beyond = sum(mul(sub(1, isWithin), keep), { axes: [1] })
  return {
    inputs: { ...inputs, weights: mul(inputs.weights, cut) },
    metrics: {
      'pointer/ess': overQueries(ess, inputs),
      'pointer/behaviour_cut': overQueries(div(beyond, atLeastOne(sum(keep, { axes: [1] }))), inputs),
    },
  }
}
