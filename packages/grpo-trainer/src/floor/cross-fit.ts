import type { Group } from '@lever/rl-dataset'
import { train } from '../train.ts'
import type { TrainOptions } from '../types.ts'
import { FOLDS, foldsOf } from './baselines.ts'
import { policyScores } from './floor.ts'
import type { Fold, SelectedEpoch } from './way.ts'

/** Fewer validation queries than this do not tell whether a policy is better than a baseline. */
export const TELLING_QUERIES = 40

/**
 * Policies of the same training without a part of the queries, each with the log-probabilities of the measured pointers of that
 * part: the queries are cut in 5 parts by image, and each part is scored by a training on the other four, which selects
 * its epoch on those of their queries that the training validates on. So a policy can be judged on all queries, at four times
 * the steps of the training. A list for each of `epochs`, the best of the training or its last. Undefined when the signal is
 * given.
 */
export async function crossFit(
  options: Omit<TrainOptions, 'output' | 'tensorboard'>,
  epochs: readonly SelectedEpoch[] = ['best'],
): Promise<readonly (readonly Fold[])[] | undefined> {
  const { data, signal, threads } = options
  const { groups, validation = [] } = data
  const folds = [foldsOf(groups), foldsOf(validation)]
  const isIn = (part: number, of: 0 | 1) => (group: Group) => folds[of]!.get(group.queryId) === part
  const found = epochs.map((): Fold[] => [])
  for (let part = 0; part < FOLDS; part++) {
    const rest = {
      ...data,
      groups: groups.filter((group) => !isIn(part, 0)(group)),
      validation: validation.filter((group) => !isIn(part, 1)(group)),
    }
    if (rest.groups.length === 0) return undefined
    const held = [...groups.filter(isIn(part, 0)), ...validation.filter(isIn(part, 1))]
    const training = train({ ...options, data: rest })
    let next = await training.next()
    while (next.done !== true) next = await training.next()
    if (signal?.aborted) return undefined
    for (const [i, epoch] of epochs.entries()) {
      const { model } = next.value[epoch]
      found[i]!.push({ model, scores: await policyScores(model, held, { data, threads }) })
    }
  }
  return found
}
