import {
  add,
  cast,
  clip,
  div,
  exp,
  expandDims,
  greaterOrEqual,
  maximum,
  minimum,
  mul,
  neg,
  stopGradient,
  sub,
  sum,
} from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { overPointers } from './formulas.ts'
import type { LossInputs } from './types.ts'

/**
 * What the importance ratio is of: every step (`token`), the whole pointer as one action
 * (`sequence`, the product over steps, as the original), or its geometric mean over steps
 * (`gspo`; Zheng et al. 2025).
 */
export type RatioLevel = 'token' | 'sequence' | 'gspo'

/**
 * How the terms of steps are added up: `grpo` mean over the steps of a pointer, over pointers, over
 * queries; `dr_grpo` divides by the largest K instead (Liu et al. 2025); `dapo` mean over all steps
 * of the batch (Yu et al. 2025); `cispo` clips the ratio and keeps the gradient of every step
 * (MiniMax 2025), added up as `grpo`.
 */
export type LossForm = 'grpo' | 'dr_grpo' | 'dapo' | 'cispo'

export interface PolicyLossOptions {
  readonly clipLow: number
  readonly clipHigh: number
  readonly delta: number | null
  readonly level: RatioLevel
  readonly form: LossForm
}

/** Adds up the terms x [B, G, K] of steps in one of the forms. */
export function aggregate(x: Tensor, inputs: LossInputs, form: LossForm): Tensor {
  const { steps, keep, queryWeight } = inputs
  const masked = mul(x, steps)
  if (form === 'dapo') {
    const real = expandDims(cast(greaterOrEqual(queryWeight, 1e-12), x.dtype), -1)
    const taken = expandDims(mul(keep, real), -1)
    const tokens = maximum(sum(mul(taken, steps)), 1)
    return div(sum(mul(masked, taken)), tokens)
  }
  const total = sum(masked, { axes: [-1] })
  const length = form === 'dr_grpo' ? (steps.shape.at(-1) as number) : sum(steps, { axes: [-1] })
  return overPointers(div(total, length), inputs)
}

/**
 * The clipped surrogate -min(ratio A, clip(ratio) A) with the advantages A = `weights`, and what
 * the clipping did. Terms of a whole pointer (levels `sequence` and `gspo`) count once.
 */
export function policyLoss(
  inputs: LossInputs,
  { clipLow, clipHigh, delta, level, form }: PolicyLossOptions,
): { loss: Tensor; metrics: Record<string, Tensor> } {
  const advantage = expandDims(inputs.weights, -1)
  const current = atLevel(inputs.policy.logProbs, inputs, level)
  const old = inputs.old === undefined ? stopGradient(current) : atLevel(inputs.old.logProbs, inputs, level)
  const ratio = exp(sub(current, old))
  const clipped = clip(ratio, 1 - clipLow, 1 + clipHigh)
  const terms =
    form === 'cispo'
      ? neg(mul(mul(stopGradient(minimum(ratio, 1 + clipHigh)), advantage), current))
      : neg(minimum(mul(delta === null ? ratio : minimum(ratio, delta), advantage), mul(clipped, advantage)))
  const perToken = level === 'token'
  const join = (x: Tensor): Tensor =>
    perToken ? aggregate(x, inputs, form) : aggregatePointers(x, inputs, form)
  return {
    loss: join(terms),
    metrics: clipMetrics(inputs, ratio, advantage, { clipLow, clipHigh }, perToken),
  }
}

/** Terms of whole pointers [B, G, 1]: the mean over pointers, over the batch for `dapo`. */
function aggregatePointers(x: Tensor, inputs: LossInputs, form: LossForm): Tensor {
  const one = { ...inputs, steps: add(mul(sum(inputs.steps, { axes: [-1], keepDims: true }), 0), 1) }
  return aggregate(x, one, form)
}

/** [B, G, K] for tokens, [B, G, 1] for pointers. */
function atLevel(logProbs: Tensor, { steps }: LossInputs, level: RatioLevel): Tensor {
  if (level === 'token') return logProbs
  const total = sum(logProbs, { axes: [-1], keepDims: true })
  return level === 'sequence' ? total : div(total, sum(steps, { axes: [-1], keepDims: true }))
}

function clipMetrics(
  inputs: LossInputs,
  ratio: Tensor,
  advantage: Tensor,
  { clipLow, clipHigh }: { clipLow: number; clipHigh: number },
  perToken: boolean,
): Record<string, Tensor> {
  const share = (x: Tensor): Tensor =>
    perToken ? aggregate(x, inputs, 'grpo') : aggregatePointers(x, inputs, 'grpo')
  const flag = (x: Tensor): Tensor => cast(x, ratio.dtype)
  const tiny = 1e-12
  const low = mul(flag(greaterOrEqual(1 - clipLow - 1e-7, ratio)), flag(greaterOrEqual(neg(advantage), tiny)))
  const high = mul(flag(greaterOrEqual(ratio, 1 + clipHigh + 1e-7)), flag(greaterOrEqual(advantage, tiny)))
  return {
    ratio: share(ratio),
    'clip_ratio/low_mean': share(low),
    'clip_ratio/high_mean': share(high),
    'clip_ratio/region_mean': share(add(low, high)),
  }
}
