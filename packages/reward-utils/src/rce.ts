import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

/**
 * The weights of reward-conditioned cross-entropy, `softmax(r / temperature)` over the G pointers of a query.
 * Safe against overflow; they sum to 1. An empty group gives no weights.
 *
 * @throws RangeError if a reward is not finite or the temperature is not positive
 */
export function rceWeights(rewards: ArrayLike<number>, temperature: number): Float64Array {
  if (!(temperature > 0) || temperature === Infinity) {
    throw new RangeError(`reward-utils: the temperature must be positive and finite, got ${temperature}`)
  }
  let best = -Infinity
  for (let i = 0; i < rewards.length; i++) {
    const reward = rewards[i]!
    if (!Number.isFinite(reward)) {
      throw new RangeError(`reward-utils: reward ${i} of the group must be a finite number, got ${reward}`)
    }
    if (reward > best) best = reward
  }
  const weights = Float64Array.from(rewards, (reward) => Math.exp((reward - best) / temperature))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/** Ends of the schedule of the temperature. */
export interface TemperatureOptions {
  /** Temperature at step 0. Default 2.0. */
  readonly start?: number
  /** Temperature at the last step. Default 0.5. */
  readonly end?: number
}

export const TEMPERATURE_OPTIONS: OptionNames<TemperatureOptions> = { start: true, end: true }

/**
 * The temperature at `step` of `total` optimiser steps: linear from `start` at step 0 to `end` at step total - 1, constant
 * outside. With one step or none it is `end`.
 *
 * @throws RangeError if an argument is not finite
 */
export function temperatureAt(step: number, total: number, options: TemperatureOptions = {}): number {
  refuseUnknownOptions(options, TEMPERATURE_OPTIONS, 'reward-utils: temperatureAt')
  const { start = 2, end = 0.5 } = options
  if (![step, total, start, end].every(Number.isFinite)) {
    throw new RangeError(
      `reward-utils: temperatureAt(${step}, ${total}) from ${start} to ${end} needs finite numbers`,
    )
  }
  if (total <= 1) return end
  const progress = Math.min(1, Math.max(0, step / (total - 1)))
  return start + (end - start) * progress
}

/**
 * The cross-entropy of a policy that knows nothing, `sum_{t<K} ln(N - t)`: K demonstrations from a pool of N.
 * A training loss near it means that nothing was learnt. Throws RangeError unless 0 <= K <= N are integers.
 */
export function uniformPolicyLoss(poolSize: number, shots: number): number {
  if (!Number.isInteger(poolSize) || !Number.isInteger(shots) || shots < 0 || shots > poolSize) {
    throw new RangeError(`reward-utils: cannot choose ${shots} demonstrations from a pool of ${poolSize}`)
  }
  let loss = 0
  for (let t = 0; t < shots; t++) loss += Math.log(poolSize - t)
  return loss
}
