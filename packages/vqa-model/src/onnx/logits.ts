/** What is wrong with an outcome whose logits are no numbers. */
export const NO_NUMBERS = 'vqa-model: the decoder returned no finite logits; use another dtype or device'

/** The two largest of V logits from `offset`; ties go to the smaller index; undefined when no logit is a number. */
export function topTwo(
  logits: Float32Array,
  offset: number,
  size: number,
): { token: number; margin: number } | undefined {
  let token = 0
  let best = -Infinity
  let second = -Infinity
  for (let v = 0; v < size; v++) {
    const value = logits[offset + v]!
    if (value > best) {
      second = best
      best = value
      token = v
    } else if (value > second) second = value
  }
  if (best === -Infinity) return undefined
  return { token, margin: best - second }
}

/** log softmax of V logits from `offset`, at one token. */
export function logProbability(logits: Float32Array, offset: number, size: number, token: number): number {
  let max = -Infinity
  for (let v = 0; v < size; v++) if (logits[offset + v]! > max) max = logits[offset + v]!
  let sum = 0
  for (let v = 0; v < size; v++) sum += Math.exp(logits[offset + v]! - max)
  return logits[offset + token]! - max - Math.log(sum)
}
