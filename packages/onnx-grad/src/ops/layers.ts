import { formatShape, sameShape } from '../shape.ts'
import { operator } from '../tensor.ts'
import type { Tensor } from '../tensor.ts'
import { sum, sumTo } from './broadcast.ts'
import { add, cast, erf, exp, maximum, mul, reciprocal, sigmoid, sqrt, square, sub } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { mean, sumSquares } from './reduce.ts'

const lastAxis = { axes: [-1], keepDims: true } as const

/** x W + b for W [in, out] and b [out]; bias optional. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const product = matmul(x, weight)
  return bias === undefined ? product : add(product, bias)
}

/**
 * x * factor, where the factor is a function of x (and of nothing else that trains) and `gradient`
 * gives the gradient of the whole with respect to x.
 */
function scaled(x: Tensor, factor: Tensor, gradient: (g: Tensor, out: Tensor) => Tensor): Tensor {
  return operator('Mul', [x, factor], { shape: x.shape }, {}, (g, out) => [gradient(g, out), undefined])
}

/** @throws RangeError if an array of a normalisation is not one number for every element of the last axis */
function checkNormed(operation: string, x: Tensor, arrays: Readonly<Record<string, Tensor>>): void {
  const wanted = [x.shape.at(-1)!]
  for (const [name, { shape }] of Object.entries(arrays)) {
    if (x.shape.length > 0 && sameShape(shape, wanted)) continue
    throw new RangeError(
      `onnx-grad: ${operation} of ${formatShape(x.shape)}: ${name} has shape ${formatShape(shape)}; it must be ${formatShape(wanted)}`,
    )
  }
}

/** Layer normalisation over the last axis (Ba et al. 2016): (x - mean) / sqrt(var + eps) * g + b, population variance. */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  checkNormed('layerNorm', x, { gain, bias })
  return operator(
    'LayerNormalization',
    [x, gain, bias],
    { shape: x.shape },
    { axis: -1, epsilon: { float: epsilon } },
    (g) => {
      const centred = sub(x, mean(x, lastAxis))
      const inverse = reciprocal(sqrt(add(mean(square(centred), lastAxis), epsilon)))
      const unit = mul(centred, inverse)
      const inner = mul(g, gain)
      const along = mul(unit, mean(mul(inner, unit), lastAxis))
      const dx = mul(inverse, sub(sub(inner, mean(inner, lastAxis)), along))
      return [dx, sumTo(mul(g, unit), gain.shape), sumTo(g, bias.shape)]
    },
  )
}

/** Root mean square normalisation over the last axis (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps) * g. */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon = 1e-6): Tensor {
  checkNormed('rmsNorm', x, { gain })
  const inverse = reciprocal(sqrt(add(mean(square(x), lastAxis), epsilon)))
  const unit = scaled(x, inverse, (g, out) => mul(inverse, sub(g, mul(out, mean(mul(g, out), lastAxis)))))
  return mul(unit, gain)
}

/** x / max(|x|, eps) over the last axis, as torch.nn.functional.normalize. */
export function normalize(x: Tensor, epsilon = 1e-12): Tensor {
  const inverse = reciprocal(sqrt(maximum(sumSquares(x, lastAxis), epsilon * epsilon)))
  return scaled(x, inverse, (g, out) => mul(inverse, sub(g, mul(out, sum(mul(g, out), lastAxis)))))
}

/** x Phi(x) with the exact normal distribution function (float32). */
export function gelu(x: Tensor): Tensor {
  const below = add(mul(erf(mul(x, Math.SQRT1_2)), 0.5), 0.5)
  return scaled(x, below, (g) => {
    const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
    return mul(g, add(below, mul(x, density)))
  })
}

/**
 * Dropout (Srivastava et al. 2014) with a mask from the host: x mask / (1 - rate). The mask holds ones and,
 * with probability `rate`, zeros; it comes in as an input, so that a run can be repeated and resumed exactly.
 */
export function dropout(x: Tensor, mask: Tensor, rate: number): Tensor {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`onnx-grad: dropout rate ${rate} is not in [0, 1)`)
  return mul(x, mul(cast(mask, x.dtype), 1 / (1 - rate)))
}

/** x sigmoid(1.702 x), the GELU of CLIP and of Qwen2-VL's vision tower (float32, as ONNX Runtime has one kernel for it). */
export function quickGelu(x: Tensor): Tensor {
  return mul(x, sigmoid(mul(x, 1.702)))
}

/** x sigmoid(x) (float32, as ONNX Runtime has one kernel for it). */
export function silu(x: Tensor): Tensor {
  return mul(x, sigmoid(x))
}
