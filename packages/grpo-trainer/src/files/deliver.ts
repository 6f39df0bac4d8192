import { architectureOf, readCheckpoint, writeCheckpoint } from '@lever/pointer-model'
import type { Selection } from '@lever/pointer-model'
import { crossFit, TELLING_QUERIES } from '../floor/cross-fit.ts'
import { findFloor } from '../floor/floor.ts'
import type { FloorOptions } from '../floor/floor.ts'
import type { SelectedEpoch, TrainedPolicy } from '../floor/way.ts'
import { selectionEvent } from '../floor/text.ts'
import type { TrainEvent, TrainOptions, TrainResult } from '../types.ts'
import type { LoadedTraining } from './training-data.ts'

/**
 * Policies of a training as the floor judges them: on the validation queries, or, where these are too few to tell, on all
 * queries, each by a training without it. Undefined when that was interrupted.
 */
export async function* judged(
  options: TrainOptions,
  result: TrainResult,
  { name, start, epochs }: JudgedOptions,
): AsyncGenerator<TrainEvent, readonly TrainedPolicy[] | undefined> {
  const isSame = result.last.phase === result.best.phase && result.last.epoch === result.best.epoch
  const stops = architectureOf(result.best.model.architecture).stops === true
  const wanted = isSame || stops ? (['best'] as const) : epochs
  const policies = wanted.map((epoch) => ({ ...result[epoch], name }))
  const { groups, validation = [] } = options.data
  const few = validation.length > 0 && validation.length < TELLING_QUERIES
  // A start that learnt from these rewards has seen them all.
  const knows = start !== undefined && start.info.labels !== 'agreement'
  if (!few || knows || stops || policies.every(({ phase }) => phase === 'init')) return policies
  const message = `${validation.length} validation queries are too few to tell a policy from a baseline: judged on all ${groups.length + validation.length}, by training 5 times without a fifth of them`
  yield { type: 'notice', message }
  const folds = await crossFit(options, wanted)
  return folds && policies.map((policy, i) => ({ ...policy, folds: folds[i] }))
}

interface JudgedOptions {
  readonly name: string | undefined
  readonly start: NonNullable<FloorOptions['starts']>[number] | undefined
  readonly epochs: readonly SelectedEpoch[]
}

/**
 * Writes what stands above the floor into a checkpoint, and says what that is.
 * @param checkpointOf the checkpoint of a trained policy, whose metadata is kept; of the first one where none is delivered
 */
export async function* deliver(
  checkpoint: string,
  { data, columns }: LoadedTraining,
  compared: Omit<FloorOptions, 'data' | 'columns'>,
  checkpointOf: (policy: TrainedPolicy) => string,
): AsyncGenerator<TrainEvent, { readonly policy: TrainedPolicy; readonly selection?: Selection }> {
  const first = compared.trained[0]!
  const stops = compared.trained.some(({ model }) => architectureOf(model.architecture).stops === true)
  const delivered = stops ? undefined : await findFloor({ data, columns, ...compared })
  if (delivered === undefined) {
    const why = stops
      ? 'policies that may stop are not compared with baselines'
      : 'there are no validation queries'
    yield { type: 'notice', message: `${why}: the checkpoint is the policy, whatever a baseline would do` }
    const found = await readCheckpoint(checkpointOf(first))
    await writeCheckpoint(checkpoint, found)
    return { policy: first }
  }
  const { model, selection, policy = first } = delivered
  const { info } = await readCheckpoint(checkpointOf(policy))
  await writeCheckpoint(checkpoint, { model, info: { ...info, selection } })
  yield selectionEvent(selection)
  return { policy, selection }
}
