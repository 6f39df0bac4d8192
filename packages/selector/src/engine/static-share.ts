import { architectureOf, memberLogits, type PointerModel } from '@lever/pointer-model'

/**
 * The static shares of a pointer, null where there is none: of what lifts a choice above chance, the part that the
 * example has for every query alike, log(N q) / log(N p). N is the number of choices left at the step (STOP is one), p
 * the policy's probability of this one, q that of the learned numbers of the members alone (softmax). Above 1 where the
 * rest of the policy spoke against it, below 0 where its number did.
 *
 * @param poolIds ids of the pool
 * @param pointer positions in the pool, in the order of the choice
 * @param probabilities of the choices, null where a floor chose
 */
export function staticShares(
  model: PointerModel,
): (
  poolIds: readonly number[],
  pointer: ArrayLike<number>,
  probabilities: readonly (number | null)[],
) => (number | null)[] {
  const { floor, architecture } = model
  if (floor !== undefined) {
    const isStatic = floor.baseline.kind === 'static' && floor.weight === undefined
    return (_, pointer) => Array.from(pointer, () => (isStatic ? 1 : null))
  }
  const logitOf = memberLogits(model)
  if (logitOf === undefined) return (_, pointer) => Array.from(pointer, () => null)
  const stops = architectureOf(architecture).stops === true
  return (poolIds, pointer, probabilities) => {
    const weights = poolIds.map((id) => Math.exp(logitOf(id)))
    let left = weights.reduce((sum, weight) => sum + weight, stops ? 1 : 0)
    return Array.from(pointer, (position, step) => {
      const count = weights.length - step + (stops ? 1 : 0)
      const lifted = Math.log(count * probabilities[step]!)
      const alone = Math.log((count * weights[position]!) / left)
      left -= weights[position]!
      return lifted > LEAST ? alone / lifted : null
    })
  }
}

/** Below it a choice is one of chance, and has no parts. */
const LEAST = 1e-3
