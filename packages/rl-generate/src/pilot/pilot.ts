import type { RlData } from '@lever/rl-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { components } from './components.ts'
import { shareOf } from './estimate.ts'
import { methodMeans } from './methods.ts'
import { pairGroups, PILOT_REWARDS, pilotValues, type PilotGroup, type PilotReward } from './outcomes.ts'
import { neededQuestions } from './power.ts'
import { predictability, type PilotFeatures } from './predict.ts'
import { recommend } from './recommend.ts'
import { reliability, stableGain } from './reliability.ts'
import type { PilotReport, PilotRewardReport } from './types.ts'

/** Outcomes of a pilot, and what is asked of them. */
export interface PilotOptions {
  /** Measured choices, two or more of a query; InputError where no reward is on all of them. */
  readonly data: RlData
  /** The same choices under another wording of the prompt. Without it `reliability` and `headroom` are null. */
  readonly other?: RlData | undefined
  /** Features by which the rest may be predicted, such as similarities; left out without embeddings. */
  readonly features?: PilotFeatures | undefined
  /** Examples that demonstrations may come from; default those that were measured. */
  readonly library?: number | undefined
  /** Prompts a second that were measured; hours and money need it. */
  readonly promptsPerSecond?: number | undefined
  /** Of an hour of the machine, in any currency. */
  readonly pricePerHour?: number | undefined
}

export const PILOT_OPTIONS: OptionNames<PilotOptions> = {
  data: true,
  other: true,
  features: true,
  library: true,
  promptsPerSecond: true,
  pricePerHour: true,
}

/**
 * Is there anything to win by choosing demonstrations, and what would it take? Everything is computed from outcomes; the
 * intervals are 95 % and leave out one query at a time.
 *
 * @throws InputError if there are too few queries, or no reward on all outcomes
 */
export function analysePilot(options: PilotOptions): PilotReport {
  refuseUnknownOptions(options, PILOT_OPTIONS, 'rl-generate: analysePilot')
  const { data, other, features } = options
  const values = pilotValues(data)
  const others = other && pilotValues(other, 'the RL data of the other wording')
  const pairsOf = (reward: PilotReward): [PilotGroup, PilotGroup][] =>
    pairGroups(values[reward] ?? [], others?.[reward] ?? [])
  const measure = values.accuracy && others?.accuracy ? pairsOf('accuracy') : undefined
  const rewards = PILOT_REWARDS.flatMap((reward): PilotRewardReport[] => {
    const groups = values[reward]
    if (groups === undefined) return []
    const pairs = pairsOf(reward)
    return [
      {
        reward,
        flat: shareOf(groups.filter(isFlat).length, groups.length),
        components: components(groups),
        reliability: reliability(pairs),
        predictable: features ? predictability(groups, features) : null,
        headroom: stableGain(pairs, measure ?? pairs),
      },
    ]
  })
  const groups = Object.values(values)[0]!
  const measured = new Set(groups.flatMap(({ keys }) => keys.flatMap((key) => key.split(','))))
  const accuracy = rewards.find(({ reward }) => reward === 'accuracy')
  const groupSize = groups.reduce((sum, { keys }) => sum + keys.length, 0) / groups.length
  const { library = measured.size, promptsPerSecond, pricePerHour } = options
  return {
    queries: groups.length,
    groupSize,
    shots: groups[0]!.keys[0]!.split(',').length,
    methods: methodMeans(data),
    rewards,
    needed: accuracy ? neededQuestions(accuracy.components.within) : null,
    recommendation: recommend(rewards, {
      queries: groups.length,
      library,
      groupSize,
      promptsPerSecond,
      pricePerHour,
    }),
  }
}

function isFlat({ values }: PilotGroup): boolean {
  return values.every((value) => value === values[0])
}
