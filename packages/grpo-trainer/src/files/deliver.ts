import { architectureOf, readCheckpoint, writeCheckpoint } from '@lever/pointer-model'
import type { Selection } from '@lever/pointer-model'
import { crossFit, TELLING_QUERIES } from '../floor/cross-fit.ts'
import { findFloor } from '../floor/floor.ts'
import type { FloorOptions } from '../floor/floor.ts'
import type { TrainedPolicy } from '../floor/way.ts'
import { selectionEvent } from '../floor/text.ts'
import type { SelectedPolicy, TrainEvent, TrainOptions } from '../types.ts'
import type { LoadedTraining } from './training-data.ts'

/**
 * A trained policy as the floor judges it: on the validation queries, or, where these are too few to tell, on all queries, each
 * by a training without it. Undefined when that was interrupted.
 */
export async function* judged(
  options: TrainOptions,
  best: SelectedPolicy,
  {
    name,
    start,
  }: { name: string | undefined; start: NonNullable<FloorOptions['starts']>[number] | undefined },
): AsyncGenerator<TrainEvent, TrainedPolicy | undefined> {
  const policy = { ...best, name }
  const { groups, validation = [] } = options.data
  const few = validation.length > 0 && validation.length < TELLING_QUERIES
  // A start that learnt from these rewards has seen them all.
  const knows = start !== undefined && start.info.labels !== 'agreement'
  const stops = architectureOf(best.model.architecture).stops === true
  if (!few || knows || stops || best.phase === 'init') return policy
  const message = `${validation.length} validation queries are too few to tell a policy from a baseline: judged on all ${groups.length + validation.length}, by training 5 times without a fifth of them`
  yield { type: 'notice', message }
  const folds = await crossFit(options)
  return folds === undefined ? undefined : { ...policy, folds }
}

/**
 * Writes what stands above the floor into a checkpoint, and says what that is.
 * @param checkpointOf the checkpoint of a trained policy, whose metadata is kept; of the last one where none is delivered
 */
export async function* deliver(
  checkpoint: string,
  { data, columns }: LoadedTraining,
  compared: Omit<FloorOptions, 'data' | 'columns'>,
  checkpointOf: (policy: TrainedPolicy) => string,
): AsyncGenerator<TrainEvent, { readonly policy: TrainedPolicy; readonly selection?: Selection }> {
  const last = compared.trained.at(-1)!
  const stops = compared.trained.some(({ model }) => architectureOf(model.architecture).stops === true)
  const delivered = stops ? undefined : await findFloor({ data, columns, ...compared })
  if (delivered === undefined) {
    const why = stops
      ? 'policies that may stop are not compared with baselines'
      : 'there are no validation queries'
    yield { type: 'notice', message: `${why}: the checkpoint is the policy, whatever a baseline would do` }
    const found = await readCheckpoint(checkpointOf(last))
    await writeCheckpoint(checkpoint, found)
    return { policy: last }
  }
  const { model, selection, policy = last } = delivered
  const { info } = await readCheckpoint(checkpointOf(policy))
  await writeCheckpoint(checkpoint, { model, info: { ...info, selection } })
  yield selectionEvent(selection)
  return { policy, selection }
}
