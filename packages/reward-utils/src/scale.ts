import type { RewardWeights } from './weights.ts'

/**
 * What numbers a reward gives, by which temperatures and normalisation are chosen:
 *
 * - `accuracy`: one figure of a decoded answer, 0..1, in few steps (0, 0.3, 0.6, 0.9, 1); most groups are flat
 * - `expected`: expected accuracy, 0..1, continuous; groups are hardly ever flat, and most values are small
 * - `sum`: correctness plus accuracy or expected accuracy, 0..2 or 0..3
 * - `log`: logarithm of the expected accuracy, from the logarithm of the floor to 0
 * - `open`: scores of any size, and functions of your own
 */
export const REWARD_KINDS = ['accuracy', 'expected', 'sum', 'log', 'open'] as const

/** A name of {@link REWARD_KINDS}. */
export type RewardKind = (typeof REWARD_KINDS)[number]

/** The kind of a reward, and the interval that it stays in for fields in their ranges, before clipping. */
export interface RewardScale {
  readonly kind: RewardKind
  readonly range: readonly [low: number, high: number]
}

/** Any number. */
export const OPEN_SCALE: RewardScale = { kind: 'open', range: [-Infinity, Infinity] }

/** The interval of a weighted sum of fields in 0..1. */
function sumRange(...weights: readonly number[]): readonly [number, number] {
  return [
    weights.reduce((sum, weight) => sum + Math.min(0, weight), 0),
    weights.reduce((sum, weight) => sum + Math.max(0, weight), 0),
  ]
}

/** A mode of one field of a decoded answer. */
export function accuracyScale(weightOf: (weights: RewardWeights) => number) {
  return (weights: RewardWeights): RewardScale => ({ kind: 'accuracy', range: sumRange(weightOf(weights)) })
}

/** A mode that adds correctness, `times` its weight, to a second figure: of that figure's kind where correctness has no weight. */
export function sumScale(
  times: number,
  alone: 'accuracy' | 'expected',
  more: (weights: RewardWeights) => number = () => 0,
) {
  return (weights: RewardWeights): RewardScale => {
    const { hardWeight, softWeight } = weights
    const likeness = more(weights)
    const isAlone = hardWeight === 0 && likeness === 0
    return { kind: isAlone ? alone : 'sum', range: sumRange(times * hardWeight, softWeight, likeness) }
  }
}
