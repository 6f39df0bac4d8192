import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

import { add, div, minimum, mul, sqrt, square, sub } from './ops/elementwise.ts'
import { sumSquares } from './ops/reduce.ts'
import { addAll } from './ops/elementwise.ts'
import type { Tensor } from './tensor.ts'

/** Settings of AdamW; defaults are those of torch.optim.AdamW. */
export interface AdamWOptions {
  /** Decay of the first moment (default 0.9). */
  beta1?: number
  /** Decay of the second moment (default 0.999). */
  beta2?: number
  /** Added to the root of the second moment (default 1e-8). */
  epsilon?: number
  /** Decoupled weight decay, times the learning rate (default 0.01). */
  weightDecay?: number
}

const ADAMW_OPTIONS: OptionNames<AdamWOptions> = {
  beta1: true,
  beta2: true,
  epsilon: true,
  weightDecay: true,
}

/** @throws InputError for an option that AdamW does not have, such as `betas` or `weight_decay` */
export function checkAdamW(options: AdamWOptions): void {
  refuseUnknownOptions(options, ADAMW_OPTIONS, 'onnx-grad: AdamW')
}

/**
 * What one step of AdamW needs as numbers, worked out on the host in double precision.
 * The moments are kept divided by (1 - beta): M = m / (1 - beta1), V = v / (1 - beta2), which saves
 * two passes over the parameters. With s = sqrt((1 - beta2) / (1 - beta2^t)), PyTorch's
 * `w -= lr * mHat / (sqrt(vHat) + eps)` becomes `w -= rate * M / (sqrt(V) + epsilon)` with the
 * numbers below.
 */
export interface AdamWNumbers {
  /** lr (1 - beta1) / (1 - beta1^t) / s */
  rate: number
  /** eps / s */
  epsilon: number
  /** 1 - lr * weightDecay */
  keep: number
}

/** Numbers of step t (from 1) at a learning rate. */
export function adamWNumbers(t: number, learningRate: number, options: AdamWOptions = {}): AdamWNumbers {
  checkAdamW(options)
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options
  const s = Math.sqrt((1 - beta2) / (1 - beta2 ** t))
  return {
    rate: (learningRate * (1 - beta1)) / (1 - beta1 ** t) / s,
    epsilon: epsilon / s,
    keep: 1 - learningRate * weightDecay,
  }
}

/** Weights and scaled moments of one array. */
export interface AdamWSlot {
  weights: Tensor
  first: Tensor
  second: Tensor
}

/** Nodes of one step of AdamW (Loshchilov and Hutter 2019) on one array. */
export function adamW(
  { weights, first, second }: AdamWSlot,
  gradient: Tensor,
  numbers: { rate: Tensor; epsilon: Tensor; keep?: Tensor },
  { beta1 = 0.9, beta2 = 0.999 }: AdamWOptions = {},
): AdamWSlot {
  const nextFirst = add(mul(first, beta1), gradient)
  const nextSecond = add(mul(second, beta2), square(gradient))
  const change = div(mul(nextFirst, numbers.rate), add(sqrt(nextSecond), numbers.epsilon))
  const kept = numbers.keep === undefined ? weights : mul(weights, numbers.keep)
  return { weights: sub(kept, change), first: nextFirst, second: nextSecond }
}

/** Euclidean norm of several arrays as one. */
export function globalNorm(gradients: readonly Tensor[]): Tensor {
  return sqrt(addAll(gradients.map((gradient) => sumSquares(gradient))))
}

/** Factor that brings a norm down to `limit`: min(1, limit / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_. */
export function clipFactor(norm: Tensor, limit: number): Tensor {
  return minimum(div(limit, add(norm, 1e-6)), 1)
}
