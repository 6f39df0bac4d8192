import { InputError } from '@lever/durable-files'
import { EXPECTED_FLOOR } from '@lever/reward-utils'
import { candidateFilter, expectedOf, pointerIds, type RlCandidate, type RlData } from '@lever/rl-dataset'

/** The rewards that a pilot compares. */
export const PILOT_REWARDS = ['accuracy', 'expected_accuracy', 'log_expected_accuracy'] as const

/** A reward that a pilot looks at: accuracy or expected accuracy. */
export type PilotReward = (typeof PILOT_REWARDS)[number]

/** What one reward gave the G choices of one query. */
export interface PilotGroup {
  readonly query: number
  /** [G] names of the choices: the ids of their demonstrations, joined. */
  readonly keys: readonly string[]
  /** [G] */
  readonly values: Float64Array
}

/** The rewards that every used outcome of the data has, by query. */
export type PilotValues = Readonly<Partial<Record<PilotReward, readonly PilotGroup[]>>>

/** @throws InputError if the data has no reward on all of its outcomes, or no query with several choices */
export function pilotValues(data: RlData, name = 'the RL data'): PilotValues {
  const reject = candidateFilter()
  const groups = data.queries
    .map(({ query_id: query, pointer_candidates }) => ({
      query,
      used: distinct(pointer_candidates.filter((one) => reject(one) === undefined)),
    }))
    .filter(({ used }) => used.length > 1)
  if (groups.length < 4) {
    throw new InputError(
      `rl-generate: ${name} has ${groups.length} queries with several measured choices; a pilot needs 4 at least, better 48`,
    )
  }
  const found = PILOT_REWARDS.flatMap((reward) => {
    const all = groups.map(({ query, used }) => {
      const values = used.map((candidate) => valueOf(candidate, reward))
      return { query, keys: used.map(keyOf), values }
    })
    if (all.some(({ values }) => values.includes(undefined))) return []
    return [
      [
        reward,
        all.map((group) => ({ ...group, values: Float64Array.from(group.values as number[]) })),
      ] as const,
    ]
  })
  if (found.length > 0) return Object.fromEntries(found)
  throw new InputError(
    `rl-generate: no reward is there for all outcomes of ${name}; give data of one lever generate`,
  )
}

function valueOf(candidate: RlCandidate, reward: PilotReward): number | undefined {
  if (reward === 'accuracy') return candidate.vqa_acc_score ?? undefined
  const expected = expectedOf(candidate)
  if (expected === undefined || reward === 'expected_accuracy') return expected
  return Math.log(Math.max(EXPECTED_FLOOR, expected))
}

const keyOf = (candidate: RlCandidate): string => pointerIds(candidate).join()

function distinct(candidates: readonly RlCandidate[]): RlCandidate[] {
  return [...new Map(candidates.map((candidate) => [keyOf(candidate), candidate])).values()]
}

/** Groups of two measurements on the choices that both have, in one order; queries with fewer than two are left out. */
export function pairGroups(a: readonly PilotGroup[], b: readonly PilotGroup[]): [PilotGroup, PilotGroup][] {
  const others = new Map(b.map((group) => [group.query, group]))
  return a.flatMap((group) => {
    const other = others.get(group.query)
    if (other === undefined) return []
    const place = new Map(other.keys.map((key, i) => [key, i]))
    const both = group.keys.flatMap((key, i) => (place.has(key) ? [{ key, i, j: place.get(key)! }] : []))
    if (both.length < 2) return []
    const pick = ({ query, values }: PilotGroup, at: 'i' | 'j'): PilotGroup => ({
      query,
      keys: both.map(({ key }) => key),
      values: Float64Array.from(both, (one) => values[one[at]]!),
    })
    return [[pick(group, 'i'), pick(other, 'j')] as [PilotGroup, PilotGroup]]
  })
}
