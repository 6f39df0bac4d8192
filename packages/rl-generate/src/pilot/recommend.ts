import type { PilotRewardReport, Recommendation } from './types.ts'

export interface RecommendOptions {
  /** Queries of the pilot. */
  readonly queries: number
  readonly library: number
  readonly groupSize: number
  readonly promptsPerSecond?: number | undefined
  readonly pricePerHour?: number | undefined
}

/** Fewer training queries than this teach no policy, whatever the estimates say. */
const FEWEST_QUERIES = 200
const MOST_QUERIES = 2_000
/** Largest group that is recommended where groups differ. */
const MOST_CHOICES = 16
/** A reward must be so much more alike under the two wordings to be preferred to a simpler one. */
const MARGIN = 0.05
/** Fewer queries than this give no verdict but to measure more. */
const FEWEST_TO_JUDGE = 20
/** A gain below this is nothing to win. */
const WORTHWHILE = 0.01

/**
 * The reward that is most alike under the two wordings and least often flat, of nearly equal ones the simpler; groups of
 * the pilot's size, at most 16, twice that where more than half of them are flat; and as many queries as estimate a demonstration's effect half right: each of the library m = var_e / var_d
 * times, m * library / G queries, in 200..2000.
 */
export function recommend(rewards: readonly PilotRewardReport[], options: RecommendOptions): Recommendation {
  const { library, promptsPerSecond, pricePerHour } = options
  const best = rewards.reduce((a, b) => (trust(b) > trust(a) + MARGIN ? b : a))
  const { demonstrationWithin: share } = best.components
  const slopes = best.predictable?.slopes ?? []
  const helps =
    best.predictable !== null && best.predictable.r2.low > 0 && slopes.reduce((sum, one) => sum + one, 0) > 0
  const groupSize = Math.min(MOST_CHOICES, Math.round(options.groupSize)) * (best.flat.value > 0.5 ? 2 : 1)
  const times = share.value > 0 ? (1 - share.value) / share.value : Infinity
  const trainingQueries = Math.round(
    Math.min(MOST_QUERIES, Math.max(FEWEST_QUERIES, (times * library) / groupSize)),
  )
  const prompts = trainingQueries * groupSize
  const hours = promptsPerSecond === undefined ? null : prompts / promptsPerSecond / 3600
  return {
    reward: best.reward,
    pool: helps ? 'mixed' : 'random',
    groupSize,
    trainingQueries,
    prompts,
    hours,
    money: hours === null || pricePerHour === undefined ? null : hours * pricePerHour,
    ...judge(best, options.queries),
  }
}

/** The lower end of the correlation between the wordings, times the share of groups that are not flat. */
function trust({ reliability, flat }: PilotRewardReport): number {
  return (reliability?.correlation.low ?? 1) * (1 - flat.value)
}

function judge(
  { reward, headroom, reliability, components, predictable, flat }: PilotRewardReport,
  queries: number,
): Pick<Recommendation, 'verdict' | 'reasons'> {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
  const share = components.demonstrationWithin
  const r2 = predictable?.r2.value ?? null
  const isSame = reliability !== null && reliability.correlation.value > 1 - 1e-9
  const reasons = [
    ...(isSame
      ? [
          'Both wordings gave the very same outcomes, so they are one prompt to this model and say nothing of luck; give another one.',
        ]
      : []),
    headroom === null
      ? 'Without a second wording of the prompt nobody knows how much of the differences is luck; give one.'
      : `Choosing the best of a query by ${reward} gains ${(100 * headroom.value).toFixed(1)} points [${(100 * headroom.low).toFixed(1)}, ${(100 * headroom.high).toFixed(1)}] under the other wording.`,
    `Demonstrations that are good for every query make ${percent(share.value)} [${percent(share.low)}, ${percent(share.high)}] of the variance within a query.`,
    r2 === null
      ? 'Without embeddings it is not known how much of the rest can be predicted.'
      : `The embeddings predict ${percent(Math.max(0, r2))} of it on held-out queries.`,
  ]
  if (queries < FEWEST_TO_JUDGE) {
    return {
      verdict: `${queries} queries are too few to say anything; measure ${FEWEST_TO_JUDGE} at least, better 50`,
      reasons,
    }
  }
  if (flat.value >= 0.999 || (headroom !== null && headroom.high < WORTHWHILE)) {
    return { verdict: 'nothing to win by choosing here', reasons }
  }
  if (headroom !== null && headroom.low <= 0) {
    return { verdict: 'too few queries to say whether anything can be won; measure more', reasons }
  }
  if (r2 !== null && share.value >= Math.max(0, r2)) {
    return { verdict: 'a static set wins most of what can be learned here', reasons }
  }
  return { verdict: 'worth training', reasons }
}
