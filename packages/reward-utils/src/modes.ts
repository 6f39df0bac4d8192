import type { Outcome, OutcomeField } from './outcome.ts'
import { accuracyScale, OPEN_SCALE, sumScale, type RewardScale } from './scale.ts'
import type { RewardWeights } from './weights.ts'

export { CORRECTNESS_MODES, type CorrectnessMode, type RewardWeights } from './weights.ts'

/** What a mode sees of one outcome: a reader of its fields, which throws (or gives 0) where a field is missing. */
export interface ModeInput {
  readonly outcome: Outcome
  /** The number in a field. Throws where it is missing, unless missing fields count as 0. */
  readonly read: (field: OutcomeField) => number
  /** Whether the outcome has the field. */
  readonly has: (field: OutcomeField) => boolean
  /** Whether missing fields count as 0 (`missing: 'zero'`). */
  readonly lenient: boolean
  /** A field min-max normalised to 0..1 within the group; 0 when the group has no spread in it. */
  readonly readInGroup: (field: OutcomeField) => number
  readonly weights: RewardWeights
}

/** A reward mode. One entry in `REWARD_MODES`, or one of your own passed as `options.modes`. */
export interface RewardModeDefinition {
  /** The formula, with h = vqa_correct, s = vqa_acc_score, g = vqa_gt_prob (the expected accuracy E), r = vqa_rel_score, info = beam_score. */
  readonly formula: string
  /** Kind and interval of the rewards under some weights. Absent: open. */
  readonly scale?: (weights: RewardWeights) => RewardScale
  /** Interval that rewards are clipped to where the options give none. Default [-5, 5]. */
  readonly clip?: readonly [low: number, high: number] | null
  /** Default of `alpha` for this mode; 0 when absent. */
  readonly alpha?: number
  /** Says what is wrong with the weights, or nothing. */
  readonly check?: (weights: RewardWeights) => string | undefined
  /** The reward of one outcome, before it is clipped. */
  readonly reward: (input: ModeInput) => number
}

/** A reward mode as a plain function of an outcome. */
export type RewardFunction = (outcome: Outcome) => number

const term = (input: ModeInput, weight: number, field: OutcomeField): number =>
  weight === 0 ? 0 : weight * input.read(field)

const hard = (input: ModeInput): number => term(input, input.weights.hardWeight, 'vqa_correct')
const soft = (input: ModeInput): number => term(input, input.weights.softWeight, 'vqa_acc_score')
const probability = (input: ModeInput): number => term(input, input.weights.softWeight, 'vqa_gt_prob')
const bonus = (input: ModeInput): number =>
  input.read('vqa_correct') === 1 ? 2 * input.weights.hardWeight : 0

function hybridScale({ alpha, hardWeight, softWeight, ...rest }: RewardWeights): RewardScale {
  const share = 1 - alpha
  const weights = { ...rest, alpha, hardWeight: share * hardWeight, softWeight: share * softWeight }
  const [low, high] = sumScale(1, 'accuracy')(weights).range
  return { kind: 'sum', range: [low, high + alpha] }
}

/** Expected accuracies below this count as this in `log_expected_accuracy`: ln(1e-6) = -13.8. */
export const EXPECTED_FLOOR = 1e-6

const hardScale = accuracyScale(({ hardWeight }) => hardWeight)
const softScale = accuracyScale(({ softWeight }) => softWeight)
const lowest = Math.log(EXPECTED_FLOOR)

/** The names of the reward modes, in the order in which they are listed to people. */
export const REWARD_MODE_NAMES = [
  'hard_plus_soft',
  'hard_plus_soft_v2',
  'separated',
  'hard_only',
  'soft_only',
  'hybrid',
  'hard01_plus_gtprob',
  'hard01_plus_gtprob_separated',
  'hard_plus_gtprob_plus_rel',
  'expected_accuracy',
  'log_expected_accuracy',
  'legacy',
] as const

/** A name of {@link REWARD_MODES}. */
export type RewardMode = (typeof REWARD_MODE_NAMES)[number]

/**
 * The reward modes: a name above and its entry here make a mode. The JSON Schema enum and the choices of the command follow.
 * All but `hybrid` and the expected accuracies have the formulas of the original (`reward_utils.py`); each result is clipped
 * afterwards.
 */
export const REWARD_MODES: Readonly<Record<RewardMode, RewardModeDefinition>> = {
  hard_plus_soft: {
    formula: 'wh*h + ws*s',
    scale: sumScale(1, 'accuracy'),
    reward: (input) => hard(input) + soft(input),
  },
  hard_plus_soft_v2: {
    formula: 'ws*s + 2*wh*h',
    scale: sumScale(2, 'accuracy'),
    reward: (input) => soft(input) + 2 * hard(input),
  },
  separated: {
    formula: 'h = 1: 2*wh + ws*s; else ws*s',
    scale: sumScale(2, 'accuracy'),
    reward: (input) => bonus(input) + soft(input),
  },
  hard_only: {
    formula: 'wh*h',
    scale: hardScale,
    reward: hard,
  },
  soft_only: {
    formula: 'ws*s',
    scale: softScale,
    reward: soft,
  },
  hybrid: {
    formula: 'alpha*(info min-max normalised in the group) + (1 - alpha)*(wh*h + ws*s); alpha 0.1',
    scale: hybridScale,
    alpha: 0.1,
    check: ({ alpha }) => (alpha < 0 || alpha > 1 ? `alpha must be in 0..1, got ${alpha}` : undefined),
    reward: (input) => {
      const { alpha } = input.weights
      const info = alpha === 0 ? 0 : alpha * input.readInGroup('beam_score')
      return info + (1 - alpha) * (hard(input) + soft(input))
    },
  },
  hard01_plus_gtprob: {
    formula: 'wh*h + ws*g',
    scale: sumScale(1, 'expected'),
    reward: (input) => hard(input) + probability(input),
  },
  hard01_plus_gtprob_separated: {
    formula: 'h = 1: 2*wh + ws*g; else ws*g',
    scale: sumScale(2, 'expected'),
    reward: (input) => bonus(input) + probability(input),
  },
  hard_plus_gtprob_plus_rel: {
    formula: 'wh*h + ws*g + wr*(1 - h)*r',
    scale: sumScale(1, 'expected', ({ relWeight }) => relWeight),
    reward: (input) => {
      const wrong = 1 - input.read('vqa_correct')
      const likeness = wrong === 0 ? 0 : wrong * term(input, input.weights.relWeight, 'vqa_rel_score')
      return hard(input) + probability(input) + likeness
    },
  },
  expected_accuracy: {
    formula: 'ws*E, with E = g = sum over the different human answers a of acc(a)*p(a)',
    scale: (weights) => ({ ...softScale(weights), kind: 'expected' }),
    reward: probability,
  },
  log_expected_accuracy: {
    formula: `ws*ln(max(E, ${EXPECTED_FLOOR})); not clipped`,
    scale: ({ softWeight: ws }) => ({
      kind: 'log',
      range: [Math.min(0, ws * lowest), Math.max(0, ws * lowest)],
    }),
    clip: null,
    reward: (input) => {
      const { softWeight } = input.weights
      return softWeight === 0 ? 0 : softWeight * Math.log(Math.max(EXPECTED_FLOOR, input.read('vqa_gt_prob')))
    },
  },
  legacy: {
    formula: 'alpha*(-logprob_score or beam_score) + beta*(h, or s where h is missing; pm1: 2x - 1)',
    scale: () => OPEN_SCALE,
    check: ({ alpha, beta }) =>
      alpha === 0 && beta === 0
        ? 'alpha and beta are both 0, so every reward would be 0; set one'
        : undefined,
    reward: (input) => {
      const { alpha, beta, correctnessMode, useLogprob } = input.weights
      const byLogprob = useLogprob && !(input.lenient && !input.has('logprob_score'))
      const quality = byLogprob ? -term(input, alpha, 'logprob_score') : term(input, alpha, 'beam_score')
      const field = input.has('vqa_correct') ? 'vqa_correct' : 'vqa_acc_score'
      if (beta === 0 || (input.lenient && !input.has(field))) return quality
      const correct = input.read(field)
      return quality + beta * (correctnessMode === 'pm1' ? 2 * correct - 1 : correct)
    },
  },
}
