import type { TrainingPlan } from '@lever/grpo-trainer'
import type { Context, Result } from '../../command.ts'
import { version } from '../../version.ts'
import { followTraining } from './train.ts'

/** Trains a policy into a run directory: the commands train and sft. */
export async function runTrain(plan: TrainingPlan, context: Context): Promise<Result> {
  const { formatTrained, placeOf, trainFiles } = await import('@lever/grpo-trainer')
  const events = trainFiles(plan, { versions: { lever: version() }, signal: context.signal, readPools })
  const trained = await followTraining(events, context)
  const { out, checkpoint, best, last, dropped, selection } = trained.result
  return {
    json: {
      out,
      checkpoint,
      best: placeOf(best),
      last: placeOf(last),
      ...(selection !== undefined && { selection }),
      audit: trained.audit,
      dropped: Object.fromEntries(dropped),
      warnings: trained.warnings,
    },
    text: `${formatTrained(trained)}\ncheckpoint: ${checkpoint}`,
  }
}

/** Pools of a file: ours, or the sampler's cache of the original. */
async function readPools(path: string): Promise<ReadonlyMap<number, readonly number[]>> {
  const rlGenerate = await import('@lever/rl-generate')
  return (await rlGenerate.readPools(path)).byQuery
}
