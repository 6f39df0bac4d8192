import type { Tensor } from '../tensor.ts'
import { add, div, erf, maximum, mul, sigmoid, sqrt, square, sub } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { mean, sum } from './reduce.ts'

/** x W + b for W [in, out] and b [out]; bias optional. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const product = matmul(x, weight)
  return bias === undefined ? product : add(product, bias)
}

/** Layer normalisation over the last axis (Ba et al. 2016): (x - mean) / sqrt(var + eps) * g + b, population variance. */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  const centred = sub(x, mean(x, { axes: [-1], keepDims: true }))
  const deviation = sqrt(add(mean(square(centred), { axes: [-1], keepDims: true }), epsilon))
  return add(mul(div(centred, deviation), gain), bias)
}

/** Root mean square normalisation over the last axis (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps) * g. */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon = 1e-6): Tensor {
  return mul(div(x, sqrt(add(mean(square(x), { axes: [-1], keepDims: true }), epsilon))), gain)
}

/** x / max(|x|, eps) over the last axis, as torch.nn.functional.normalize. */
export function normalize(x: Tensor, epsilon = 1e-12): Tensor {
  const squared = sum(square(x), { axes: [-1], keepDims: true })
  return div(x, sqrt(maximum(squared, epsilon * epsilon)))
}

/** x Phi(x) with the exact normal distribution function (float32). */
export function gelu(x: Tensor): Tensor {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1))
}

/** x sigmoid(1.702 x), the GELU of CLIP and of Qwen2-VL's vision tower. */
export function quickGelu(x: Tensor): Tensor {
  return mul(x, sigmoid(mul(x, 1.702)))
}

/** x sigmoid(x) */
export function silu(x: Tensor): Tensor {
  return mul(x, sigmoid(x))
}
