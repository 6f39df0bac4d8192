import { refuseUnknownOptions, type OptionNames, remedyForName } from '@lever/durable-files/known-options'
import { inputError } from './errors.ts'
import {
  CORRECTNESS_MODES,
  REWARD_MODES,
  REWARD_MODE_NAMES,
  type CorrectnessMode,
  type ModeInput,
  type RewardFunction,
  type RewardMode,
  type RewardModeDefinition,
  type RewardWeights,
} from './modes.ts'
import type { Outcome, OutcomeField } from './outcome.ts'
import { OPEN_SCALE, type RewardScale } from './scale.ts'

/**
 * Which mode makes the reward, and its weights. `Own` are the names of the modes in `modes`: the type checker accepts them
 * and those of the table, and no other.
 */
export interface RewardOptions<Own extends string = never> {
  /** A name of `REWARD_MODES` or of `modes`, or a function of an outcome. Default `hard_plus_soft`. */
  readonly mode?: RewardMode | NoInfer<Own> | RewardFunction
  /** Modes of your own, by name. A name of `REWARD_MODES` is refused. */
  readonly modes?: Readonly<Record<Own, RewardModeDefinition | RewardFunction>>
  /** Weight wh of `vqa_correct`. Default 1. */
  readonly hardWeight?: number
  /** Weight ws of `vqa_acc_score` or `vqa_gt_prob`. Default 1. */
  readonly softWeight?: number
  /** Weight wr of `vqa_rel_score`. Default 0.1. */
  readonly relWeight?: number
  /** Share of the InfoScore in `hybrid` (default 0.1), weight of the beam score or log-probability in `legacy` (default 0). */
  readonly alpha?: number
  /** Weight of the correctness in `legacy`. Default 0. */
  readonly beta?: number
  /** Correctness in `legacy`: `01` (default) or `pm1`. */
  readonly correctnessMode?: CorrectnessMode
  /** In `legacy`, use `-logprob_score` in place of `beam_score`. Default false. */
  readonly useLogprob?: boolean
  /** The reward is clipped to this interval; null leaves it. Default that of the mode: [-5, 5] for all but `log_expected_accuracy`. */
  readonly clip?: readonly [low: number, high: number] | null
  /** A needed field that is missing: an error (default), or 0 as in the original. */
  readonly missing?: 'error' | 'zero'
}

export const REWARD_OPTIONS: OptionNames<RewardOptions> = {
  mode: true,
  modes: true,
  hardWeight: true,
  softWeight: true,
  relWeight: true,
  alpha: true,
  beta: true,
  correctnessMode: true,
  useLogprob: true,
  clip: true,
  missing: true,
}

/** Where an outcome stands: the group it belongs to (needed by `hybrid`) and its name in error messages. */
export interface RewardContext {
  readonly group?: readonly Outcome[]
  readonly candidate?: number | string
}

export const REWARD_CONTEXT: OptionNames<RewardContext> = { group: true, candidate: true }

/**
 * The reward of one outcome, clipped. Which fields a mode needs follows from its formula and from weights that are not 0.
 *
 * Throws an error with code `LEVER_INPUT` when the mode is unknown, when its weights say nothing (`legacy` with alpha = beta = 0), when a needed
 * field is missing, or when `hybrid` has no group; RangeError when a field, a weight or the reward is not finite.
 */
export function computeReward<Own extends string = never>(
  outcome: Outcome,
  options: RewardOptions<Own> = {},
  given: RewardContext = {},
): number {
  refuseUnknownOptions(options, REWARD_OPTIONS, 'reward-utils: computeReward')
  refuseUnknownOptions(given, REWARD_CONTEXT, 'reward-utils: computeReward')
  const { group, candidate = 0 } = given
  return resolve(options)(outcome, candidate, group && memoSpread(group))
}

/**
 * The rewards of the G outcomes of one query, [G]. Candidates are numbered from 0 in errors.
 * Throws as `computeReward`.
 */
export function computeGroupRewards<Own extends string = never>(
  outcomes: readonly Outcome[],
  options: RewardOptions<Own> = {},
): Float64Array {
  refuseUnknownOptions(options, REWARD_OPTIONS, 'reward-utils: computeGroupRewards')
  const reward = resolve(options)
  const spread = memoSpread(outcomes)
  const rewards = new Float64Array(outcomes.length)
  for (let i = 0; i < rewards.length; i++) rewards[i] = reward(outcomes[i]!, i, spread)
  return rewards
}

/**
 * What numbers a reward gives: its kind, by which temperatures and normalisation are chosen, and the interval of its values
 * for fields in their ranges, clipped. Weights count: `hard01_plus_gtprob` with `hardWeight` 0 is of kind `expected`.
 *
 * Throws as `computeReward` for an unknown mode or weights that say nothing.
 */
export function rewardScale<Own extends string = never>(options: RewardOptions<Own> = {}): RewardScale {
  refuseUnknownOptions(options, REWARD_OPTIONS, 'reward-utils: rewardScale')
  const { definition, weights, clip } = checkedMode(options)
  const { kind, range } = definition.scale?.(weights) ?? OPEN_SCALE
  const [low, high] = clip ?? [-Infinity, Infinity]
  const bounded = range.map((end) => Math.min(high, Math.max(low, end)))
  return { kind, range: [bounded[0]!, bounded[1]!] }
}

type Spread = (field: OutcomeField) => readonly [low: number, high: number]

function resolve(options: RewardOptions<string>) {
  const { missing = 'error' } = options
  const { name, definition, weights, clip } = checkedMode(options)

  let outcome: Outcome = {}
  let candidate: number | string = 0
  let spread: Spread | undefined

  const read = (field: OutcomeField): number => {
    const value = outcome[field]
    if (typeof value === 'number' && Number.isFinite(value)) return value
    if (value !== undefined && value !== null) return finite(value, `${field} of candidate ${candidate}`)
    if (missing === 'zero') return 0
    const other = typeof outcome.vqa_gt_prob === 'number' ? 'mode expected_accuracy' : 'another mode'
    throw inputError(
      `mode ${name} needs ${field}, which candidate ${candidate} does not have; ` +
        `use ${other}, or count it as 0 (missing: 'zero', --missing-zero)`,
    )
  }
  const input: ModeInput = {
    get outcome() {
      return outcome
    },
    read,
    has: (field) => outcome[field] !== undefined && outcome[field] !== null,
    readInGroup: (field) => {
      if (!spread) {
        throw inputError(`mode ${name} needs the group of candidate ${candidate}; pass context.group`)
      }
      const value = read(field)
      const [low, high] = spread(field)
      return high > low ? Math.min(1, Math.max(0, placeIn(value, low, high))) : 0
    },
    lenient: missing === 'zero',
    weights,
  }

  return (...next: [outcome: Outcome, candidate: number | string, spread: Spread | undefined]): number => {
    ;[outcome, candidate, spread] = next
    const reward = definition.reward(input)
    if (!Number.isFinite(reward)) finite(reward, `the reward (mode ${name}) of candidate ${candidate}`)
    return clip === null ? reward : Math.min(clip[1], Math.max(clip[0], reward))
  }
}

interface CheckedMode {
  readonly name: string
  readonly definition: RewardModeDefinition
  readonly weights: RewardWeights
  readonly clip: readonly [low: number, high: number] | null
}

function checkedMode(options: RewardOptions<string>): CheckedMode {
  const { name, definition } = findMode(options)
  const weights = resolveWeights(options, definition.alpha ?? 0)
  const problem = definition.check?.(weights)
  if (problem !== undefined) throw inputError(`mode ${name}: ${problem}`)
  const { clip = definition.clip === undefined ? [-5, 5] : definition.clip } = options
  if (clip !== null && !(clip[0] <= clip[1])) {
    throw new RangeError(`reward-utils: clip [${clip.join(', ')}] is not an interval`)
  }
  return { name, definition, weights, clip }
}

/** (value - low) / (high - low), also where the range is beyond the largest number. */
function placeIn(value: number, low: number, high: number): number {
  const range = high - low
  return range === Infinity ? (value / 2 - low / 2) / (high / 2 - low / 2) : (value - low) / range
}

function findMode({ mode = 'hard_plus_soft', modes = {} }: RewardOptions<string>): {
  name: string
  definition: RewardModeDefinition
} {
  if (typeof mode === 'function') return { name: mode.name || 'custom', definition: fromFunction(mode) }
  const builtIn = Object.hasOwn(REWARD_MODES, mode) ? REWARD_MODES[mode as RewardMode] : undefined
  const own = Object.hasOwn(modes, mode) ? modes[mode] : undefined
  if (builtIn && own) throw inputError(`mode ${mode} is built in; give your own another name`)
  const definition = builtIn ?? own
  if (!definition) {
    const names = [...REWARD_MODE_NAMES, ...Object.keys(modes)]
    throw inputError(`there is no reward mode "${mode}"; ${remedyForName(mode, names)}`)
  }
  return { name: mode, definition: typeof definition === 'function' ? fromFunction(definition) : definition }
}

function fromFunction(reward: RewardFunction): RewardModeDefinition {
  return { formula: 'custom', reward: ({ outcome }) => reward(outcome) }
}

function resolveWeights(options: RewardOptions<string>, modeAlpha: number): RewardWeights {
  const { hardWeight = 1, softWeight = 1, relWeight = 0.1, alpha = modeAlpha, beta = 0 } = options
  const { correctnessMode = '01', useLogprob = false } = options
  if (!CORRECTNESS_MODES.includes(correctnessMode)) {
    throw inputError(
      `unknown correctnessMode ${correctnessMode}; the modes are ${CORRECTNESS_MODES.join(', ')}`,
    )
  }
  for (const [name, value] of Object.entries({ hardWeight, softWeight, relWeight, alpha, beta }))
    finite(value, name)
  return { hardWeight, softWeight, relWeight, alpha, beta, correctnessMode, useLogprob }
}

function memoSpread(group: readonly Outcome[]): Spread {
  const known = new Map<OutcomeField, readonly [number, number]>()
  return (field) => {
    const found = known.get(field)
    if (found) return found
    let low = Infinity
    let high = -Infinity
    for (const [candidate, outcome] of group.entries()) {
      const value = outcome[field]
      if (value === undefined || value === null) continue
      finite(value, `${field} of candidate ${candidate}`)
      low = Math.min(low, value)
      high = Math.max(high, value)
    }
    known.set(field, [low, high])
    return [low, high]
  }
}

function finite(value: number, what: string): number {
  if (!Number.isFinite(value))
    throw new RangeError(`reward-utils: ${what} must be a finite number, got ${value}`)
  return value
}
