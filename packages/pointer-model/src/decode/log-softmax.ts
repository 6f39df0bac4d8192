/** log sum_n exp(logits_n / temperature) of row `row` of `logits` [*, N], in double precision. */
export function logSumExp(logits: Float32Array, row: number, size: number, temperature = 1): number {
  const start = row * size
  let best = -Infinity
  for (let n = 0; n < size; n++) if (logits[start + n]! > best) best = logits[start + n]!
  let sum = 0
  for (let n = 0; n < size; n++) sum += Math.exp((logits[start + n]! - best) / temperature)
  return best / temperature + Math.log(sum)
}

/**
 * Log-probabilities of the free candidates under softmax(logits / temperature), in double precision.
 * Row `row` of `logits` [*, N] is read; a blocked candidate takes part in the sum with its masked
 * logit when the temperature is 1 (as in training) and gets -Infinity in the result.
 */
export function logSoftmaxRow(
  logits: Float32Array,
  blocked: Float32Array,
  row: number,
  size: number,
  temperature = 1,
): Float64Array {
  const start = row * size
  const shift = logSumExp(logits, row, size, temperature)
  const result = new Float64Array(size)
  for (let n = 0; n < size; n++) {
    result[n] = blocked[start + n] === 0 ? logits[start + n]! / temperature - shift : -Infinity
  }
  return result
}
