import { InputError } from '@lever/durable-files'
import { chooseByFloor, openPolicy } from '@lever/pointer-model'
import type { Floor, Policy, Selection } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'
import type { TrainingData } from '../data.ts'
import { greedyPointers, queryInputs } from '../score-policy.ts'
import type { QueryInput } from '../score-policy.ts'
import { comparedWith, duel } from './duel.ts'
import type { Unseen, Way } from './way.ts'

/** A choice to measure: demonstrations by their ids, in prompt order. */
export interface GreedyChoice {
  readonly queryId: number
  readonly pointer: readonly number[]
}

/** What a choice was worth, 0..1: the accuracy of the answer, the expected accuracy, or both. */
export interface MeasuredChoice {
  readonly accuracy?: number | undefined
  readonly expected?: number | undefined
}

/** Asks the model; outcomes in the order of the choices. */
export type MeasureChoices = (choices: readonly GreedyChoice[]) => Promise<readonly MeasuredChoice[]>

/** A check of the finalists by what they really choose. */
export interface GreedyCheck {
  /** Queries of the check, at most. */
  readonly queries: number
  readonly measure: MeasureChoices
}

interface Judged {
  readonly data: TrainingData
  /** What ways are judged by, and its values for the measured pointers of a group [G]. */
  readonly by: Selection['measure']
  readonly valuesOf: (group: Group) => ArrayLike<number>
  readonly unseen: Unseen
  readonly threads?: number | undefined
}

/**
 * The winner among a few ways to choose by what they really choose, be it measured before or not: for every way and query the
 * choice is asked of the model, once. The first are those that nobody has to be convinced of; policies are equally simple, so
 * of them the better mean wins.
 *
 * @param groups the queries that all ways may be judged on; a random part of them is
 */
export async function checkGreedy(
  ways: readonly Way[],
  groups: readonly Group[],
  { queries, measure }: GreedyCheck,
  judged: Judged,
): Promise<{ readonly winner: Way; readonly greedy: NonNullable<Selection['greedy']> }> {
  if (judged.by === 'reward') {
    throw new InputError(
      'grpo-trainer: choices can be measured only where the rewards come from an accuracy or an expected accuracy; leave out the check of greedy choices (--validate-greedy 0)',
    )
  }
  const some = createRandom(0, 'validate greedy').sample(groups, Math.min(queries, groups.length))
  const choices: ReadonlyMap<number, readonly number[]>[] = []
  for (const way of ways) choices.push(await choicesOf(way, some, judged))
  const worth = await worthOf(choices, some, measure, judged)
  const checked = ways.map((way, i): Way => ({
    ...way,
    ...(way.by === 'policy' && { family: 'policy' }),
    values: new Map(some.map(({ queryId }) => [queryId, worth.of(queryId, choices[i]!.get(queryId)!)])),
  }))
  const winner = duel(checked)
  return {
    winner,
    greedy: { queries: some.length, prompts: worth.prompts, compared: comparedWith(checked, winner) },
  }
}

/** What choices are worth, of those that were measured before from the data. */
async function worthOf(
  choices: readonly ReadonlyMap<number, readonly number[]>[],
  groups: readonly Group[],
  measure: MeasureChoices,
  { by, valuesOf }: Judged,
): Promise<{
  readonly of: (queryId: number, choice: readonly number[]) => number
  readonly prompts: number
}> {
  const keyOf = (queryId: number, choice: readonly number[]): string => `${queryId}:${choice.join()}`
  const known = new Map<string, number>()
  const open = new Map<string, GreedyChoice>()
  for (const group of groups) {
    const { queryId, poolIds, pointers, shots, size } = group
    const values = valuesOf(group)
    for (let g = 0; g < size; g++)
      known.set(keyOf(queryId, Array.from(pointers.subarray(g * shots, (g + 1) * shots))), values[g]!)
    for (const own of choices) {
      const choice = own.get(queryId)!
      if (known.has(keyOf(queryId, choice))) continue
      open.set(keyOf(queryId, choice), { queryId, pointer: choice.map((n) => poolIds[n]!) })
    }
  }
  const outcomes = open.size === 0 ? [] : await measure([...open.values()])
  ;[...open.keys()].forEach((key, i) => {
    const { accuracy, expected } = outcomes[i]!
    const value = by === 'accuracy' ? accuracy : expected
    if (value === undefined) throw new Error(`grpo-trainer: choice ${key} was measured without its ${by}`)
    known.set(key, value)
  })
  return { of: (queryId, choice) => known.get(keyOf(queryId, choice))!, prompts: open.size }
}

/** What a way chooses for queries that it did not learn from: positions in their pools, by query. */
async function choicesOf(
  { model: { floor, ...model }, policy }: Way,
  groups: readonly Group[],
  { data, unseen, threads = 1 }: Judged,
): Promise<ReadonlyMap<number, readonly number[]>> {
  const chosen = new Map<number, readonly number[]>()
  const parts = policy?.folds?.map((fold) => ({
    network: fold.model,
    own: groups.filter(({ queryId }) => fold.scores.has(queryId)),
  })) ?? [{ network: model, own: groups }]
  for (const { network, own } of parts) {
    const opened = await openPolicy(network, { threads })
    try {
      const found =
        floor === undefined
          ? await greedyPointers(opened, own, data)
          : await Promise.all(own.map((group) => floorChoice(opened, floor, group, { data, unseen })))
      own.forEach(({ queryId }, i) => chosen.set(queryId, Array.from(found[i]!)))
    } finally {
      await opened.close()
    }
  }
  return chosen
}

async function floorChoice(
  policy: Policy,
  floor: Floor,
  group: Group,
  { data, unseen }: Pick<Judged, 'data' | 'unseen'>,
): Promise<Int32Array> {
  const [[, input, shots]] = queryInputs([group], data) as [QueryInput]
  const asked = { input, queryIds: [group.queryId], poolIds: [group.poolIds] }
  const baseline = unseen(floor.baseline, group)
  const [choice] = await chooseByFloor(policy, { ...floor, baseline }, asked, shots)
  return choice!
}
