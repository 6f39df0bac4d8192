import {
  add,
  concat,
  layerNorm,
  linear as product,
  matmul,
  mul,
  reshape,
  slice,
  softmax,
  sum,
  transposeLast,
  where,
} from '@lever/onnx-grad'
import type { ParameterNodes, Tensor } from '@lever/onnx-grad'
import { filled, linearUniform, xavierUniform } from './initializers.ts'
import type { Dropout, ParameterSpec } from './types.ts'

/** Score of a padded candidate in a softmax. */
export const PADDED = -1e9

/** x W^T + b for W [out, in] as torch.nn.Linear keeps it. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return product(x, transposeLast(weight), bias)
}

/** Arrays of torch.nn.MultiheadAttention followed by torch.nn.LayerNorm. */
export function attentionParameters(
  attention: string,
  norm: string,
  hidden: number,
): readonly ParameterSpec[] {
  return [
    { name: `${attention}.in_proj_weight`, shape: [3 * hidden, hidden], initial: xavierUniform() },
    { name: `${attention}.in_proj_bias`, shape: [3 * hidden], initial: filled(0) },
    { name: `${attention}.out_proj.weight`, shape: [hidden, hidden], initial: linearUniform() },
    { name: `${attention}.out_proj.bias`, shape: [hidden], initial: filled(0) },
    { name: `${norm}.weight`, shape: [hidden], initial: filled(1) },
    { name: `${norm}.bias`, shape: [hidden], initial: filled(0) },
  ]
}

/** What `attend` reads and by which names its arrays are called. */
export interface AttendOptions {
  parameter: ParameterNodes
  attention: string
  norm: string
  heads: number
  hidden: number
  /** [B, N] bool */
  valid: Tensor
  dropout: Dropout
}

/**
 * `LayerNorm(x + MHA(x, pool, pool))` for one query token, x [B, 1, H] and pool [B, N, H].
 *
 * The key and value projections are absorbed: q.(Wk c) = (Wk^T q).c, and the attention's output is
 * Wv (sum a c) + bv sum(a), so the projections are applied to B vectors and not to B N. The key bias
 * adds the same number to all scores of a softmax and has no effect; its gradient is zero.
 */
export function attend(x: Tensor, pool: Tensor, options: AttendOptions): Tensor {
  const { parameter, attention, norm, heads, hidden, valid, dropout } = options
  const batch = x.shape[0]!
  const width = hidden / heads
  const weight = parameter(`${attention}.in_proj_weight`)
  const bias = parameter(`${attention}.in_proj_bias`)
  const part = (tensor: Tensor, i: number): Tensor => slice(tensor, 0, i * hidden, (i + 1) * hidden)
  const ofHead = (tensor: Tensor, axis: number, head: number): Tensor =>
    slice(tensor, axis, head * width, (head + 1) * width)
  const perHead = (f: (head: number) => Tensor, axis: number): Tensor =>
    concat(
      Array.from({ length: heads }, (_, head) => f(head)),
      axis,
    )

  const token = reshape(x, [batch, hidden])
  const query = mul(linear(token, part(weight, 0), part(bias, 0)), 1 / Math.sqrt(width))
  const key = part(weight, 1)
  const keyed = perHead((head) => {
    const product = matmul(ofHead(query, 1, head), ofHead(key, 0, head))
    return reshape(product, [batch, 1, hidden])
  }, 1)
  const scores = matmul(keyed, transposeLast(pool))
  const mask = reshape(valid, [batch, 1, valid.shape[1]!])
  const attended = softmax(where(mask, scores, PADDED))
  const weights = dropout(attended, attention)

  const context = matmul(weights, pool)
  const mass = weights === attended ? undefined : sum(weights, { axes: [-1] })
  const value = part(weight, 2)
  const offset = part(bias, 2)
  const values = perHead((head) => {
    const seen = reshape(slice(context, 1, head, head + 1), [batch, hidden])
    const own = ofHead(offset, 0, head)
    const shift = mass === undefined ? own : mul(slice(mass, 1, head, head + 1), own)
    return add(linear(seen, ofHead(value, 0, head)), shift)
  }, 1)
  const output = linear(
    values,
    parameter(`${attention}.out_proj.weight`),
    parameter(`${attention}.out_proj.bias`),
  )
  const result = layerNorm(add(output, token), parameter(`${norm}.weight`), parameter(`${norm}.bias`))
  return reshape(result, [batch, 1, hidden])
}
