import { resolve } from 'node:path'
import { openRunDirectory } from '@lever/durable-files'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import type { TrainedPolicy } from '../floor/way.ts'
import { deliver } from './deliver.ts'
import { TRAIN_FILES_OPTIONS } from './plan.ts'
import type { TrainedFiles, TrainFilesEvent, TrainFilesOptions, TrainingPlan } from './plan.ts'
import { checkedBy, freeHash, greedyOf, placeOf, trainFree, trainOne } from './train-one.ts'
import type { TrainedOne } from './train-one.ts'

/**
 * Trains a policy on files into a run directory, as `lever train` and `lever sft` do: one training, or the best of several.
 * Interrupted by `signal`, or killed, and called again, it continues to the same bytes.
 * @throws InputError if files or settings are wrong, or the run directory belongs to another training
 */
export async function* trainFiles(
  plan: TrainingPlan,
  options: TrainFilesOptions = {},
): AsyncGenerator<TrainFilesEvent, TrainedFiles> {
  refuseUnknownOptions(options, TRAIN_FILES_OPTIONS, 'grpo-trainer: trainFiles')
  if (plan.candidates !== undefined) return yield* trainSeveral(plan, options)
  return (yield* trainOne(plan, options, { delivers: true })).files
}

/** Trains every candidate in a folder of its own, and delivers what stands above the floor of them all. */
async function* trainSeveral(
  { candidates = [], ...plan }: TrainingPlan,
  options: TrainFilesOptions,
): AsyncGenerator<TrainFilesEvent, TrainedFiles> {
  const { command, rewards, validation, splitBy, memberBias, seed, threads } = plan
  const run = await openRunDirectory({
    path: plan.out,
    command,
    config: {
      candidates,
      rewards,
      validation,
      ...(splitBy && { splitBy }),
      ...(memberBias && { memberBias }),
      ...checkedBy(plan),
    },
    inputs: freeHash(plan),
    seed,
    versions: options.versions ?? {},
  })
  try {
    const trained: TrainedOne[] = []
    for (const { name, ...candidate } of candidates) {
      const out = run.file(`candidates/${name}`)
      const own: TrainingPlan = { ...plan, ...candidate, out, validateGreedy: 0 }
      const one = yield* named(name, trainOne(own, options, { name, delivers: false }))
      if (one.files.status !== 'finished') return { ...one.files, out: run.path }
      trained.push(one)
    }
    const starts = yield* trainFree(plan, run.path, options)
    const { files: last, training } = trained.at(-1)!
    if (starts === undefined) return { ...last, status: 'interrupted', out: run.path }
    const checkpoint = run.file('checkpoints/best.safetensors')
    const greedy = greedyOf(plan, options)
    const compared = { trained: trained.flatMap(({ policies }) => policies), starts, greedy, threads }
    const of = (policy: TrainedPolicy): TrainedOne =>
      trained.find(({ policies }) => policies.includes(policy))!
    const { policy, selection } = yield* deliver(
      checkpoint,
      training,
      compared,
      (one) => of(one).files.checkpoint,
    )
    const files = {
      ...of(policy).files,
      out: run.path,
      checkpoint,
      ...(selection !== undefined && { selection }),
    }
    await run.update({
      rlData: [...plan.rlData.map((file) => resolve(file))],
      ...{ best: placeOf(files.best), last: placeOf(files.last) },
      ...(selection !== undefined && { selection }),
    })
    return files
  } finally {
    await run.close()
  }
}

/** The events of a training with its name before its phases. */
async function* named<T>(
  name: string,
  events: AsyncGenerator<TrainFilesEvent, T>,
): AsyncGenerator<TrainFilesEvent, T> {
  let next = await events.next()
  while (next.done !== true) {
    const event = next.value
    yield event.type === 'validation' ? { ...event, phase: `${name}: ${event.phase}` } : event
    next = await events.next()
  }
  return next.value
}
