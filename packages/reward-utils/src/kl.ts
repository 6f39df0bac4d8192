/**
 * Estimators of KL(p || q) from samples x of p, with the log ratio d = log q(x) - log p(x) (Schulman, 2020):
 * k1 = -d (unbiased, high variance), k2 = d^2 / 2 (biased, low variance), k3 = exp(d) - 1 - d (unbiased, never negative).
 */
export const KL_ESTIMATORS = ['k1', 'k2', 'k3'] as const

/** A name of `KL_ESTIMATORS`. */
export type KlEstimator = (typeof KL_ESTIMATORS)[number]

/**
 * One estimate of KL(p || q) per sample, [G]; their mean estimates the divergence. `logP` and `logQ` are the
 * log-probabilities of samples drawn from p. With samples of the old policy and q the new one, this is KL(old || new).
 *
 * @throws RangeError if the lengths differ, a log-probability is not finite or an estimate overflows
 */
export function klEstimates(
  logP: ArrayLike<number>,
  logQ: ArrayLike<number>,
  estimator: KlEstimator = 'k3',
): Float64Array {
  if (logP.length !== logQ.length) {
    throw new RangeError(
      `reward-utils: klEstimates needs equal lengths, got ${logP.length} and ${logQ.length}`,
    )
  }
  return Float64Array.from(logP, (p, i) => {
    const difference = logQ[i]! - p
    const estimate = {
      k1: () => -difference,
      k2: () => difference ** 2 / 2,
      k3: () => Math.expm1(difference) - difference,
    }[estimator]()
    if (!Number.isFinite(estimate)) {
      throw new RangeError(
        `reward-utils: ${estimator} of sample ${i} is ${estimate} (log p ${p}, log q ${logQ[i]!})`,
      )
    }
    return estimate
  })
}

/**
 * The exact KL(p || q) = sum_i p_i (ln p_i - ln q_i) of two categorical distributions, [N] each, given as probabilities.
 * 0 where p_i is 0; Infinity where q_i is 0 and p_i is not.
 *
 * @throws RangeError if the lengths differ or an argument is not a distribution (negative, or a sum off 1 by over 1e-6)
 */
export function categoricalKl(p: ArrayLike<number>, q: ArrayLike<number>): number {
  if (p.length !== q.length) {
    throw new RangeError(`reward-utils: categoricalKl needs equal lengths, got ${p.length} and ${q.length}`)
  }
  assertDistribution(p, 'p')
  assertDistribution(q, 'q')
  let sum = 0
  for (let i = 0; i < p.length; i++) {
    if (p[i]! > 0) sum += p[i]! * (Math.log(p[i]!) - Math.log(q[i]!))
  }
  return Math.max(0, sum)
}

/**
 * The exact KL of `softmax(logitsP)` and `softmax(logitsQ)`, [N] each; safe for large logits. An entry of -Infinity in both
 * is an impossible choice.
 *
 * @throws RangeError if the lengths differ, or a logit is NaN or +Infinity, or all are -Infinity
 */
export function categoricalKlOfLogits(logitsP: ArrayLike<number>, logitsQ: ArrayLike<number>): number {
  if (logitsP.length !== logitsQ.length) {
    throw new RangeError(
      `reward-utils: categoricalKlOfLogits needs equal lengths, got ${logitsP.length} and ${logitsQ.length}`,
    )
  }
  const logP = logSoftmax(logitsP)
  const logQ = logSoftmax(logitsQ)
  let sum = 0
  for (let i = 0; i < logP.length; i++) {
    if (logP[i]! > -Infinity) sum += Math.exp(logP[i]!) * (logP[i]! - logQ[i]!)
  }
  return Math.max(0, sum)
}

/** The state of an adaptive KL coefficient. */
export interface AdaptiveKl {
  /** The coefficient of the KL term. */
  readonly beta: number
  /** Below `low` the coefficient is divided by `factor`, above `high` multiplied. */
  readonly low: number
  readonly high: number
  readonly factor: number
  /** Bounds of the coefficient. */
  readonly min: number
  readonly max: number
}

/**
 * The adaptive KL coefficient at its start. Defaults as in the original: 0.1, target 0.01..0.1, factor 1.5, bounds 0.001..10.
 * Throws RangeError unless 0 < min <= beta <= max, 0 <= low <= high and factor >= 1.
 */
export function initAdaptiveKl({
  beta = 0.1,
  low = 0.01,
  high = 0.1,
  factor = 1.5,
  min = 0.001,
  max = 10,
}: Partial<AdaptiveKl> = {}): AdaptiveKl {
  if (!(min > 0 && min <= beta && beta <= max && low >= 0 && low <= high && factor >= 1)) {
    throw new RangeError(
      `reward-utils: adaptive KL needs 0 < min <= beta <= max, 0 <= low <= high, factor >= 1; ` +
        `got min ${min}, beta ${beta}, max ${max}, low ${low}, high ${high}, factor ${factor}`,
    )
  }
  return { beta, low, high, factor, min, max }
}

/** The coefficient after a KL of `kl` was measured. Call it once an epoch. Throws RangeError when `kl` is not finite. */
export function updateAdaptiveKl(state: AdaptiveKl, kl: number): AdaptiveKl {
  if (!Number.isFinite(kl))
    throw new RangeError(`reward-utils: the measured KL must be a finite number, got ${kl}`)
  const { beta, low, high, factor, min, max } = state
  const moved = kl > high ? beta * factor : kl < low ? beta / factor : beta
  return { ...state, beta: Math.min(max, Math.max(min, moved)) }
}

function assertDistribution(values: ArrayLike<number>, name: string): void {
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    if (!(values[i]! >= 0))
      throw new RangeError(`reward-utils: ${name}[${i}] must be a probability, got ${values[i]!}`)
    sum += values[i]!
  }
  if (!(Math.abs(sum - 1) <= 1e-6)) throw new RangeError(`reward-utils: ${name} must sum to 1, got ${sum}`)
}

function logSoftmax(logits: ArrayLike<number>): Float64Array {
  let best = -Infinity
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!
    if (Number.isNaN(logit) || logit === Infinity) {
      throw new RangeError(`reward-utils: logit ${i} must be finite or -Infinity, got ${logit}`)
    }
    if (logit > best) best = logit
  }
  if (best === -Infinity) throw new RangeError('reward-utils: at least one logit must be finite')
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - best)
  const total = best + Math.log(sum)
  return Float64Array.from(logits, (logit) => logit - total)
}
