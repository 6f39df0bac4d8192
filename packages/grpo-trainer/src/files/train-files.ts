import { resolve } from 'node:path'
import { openRunDirectory, requirePath, writeFileAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { architectureOf, isUntrained, readCheckpoint, startingModel } from '@lever/pointer-model'
import type { PointerModel, Selection } from '@lever/pointer-model'
import { BACKBONE } from '../phases.ts'
import type { PhaseOptions } from '../phases.ts'
import { encodeRlData } from '@lever/rl-dataset'
import { isFlat, membersOf } from '../data.ts'
import { train } from '../train.ts'
import type { TrainEvent, TrainOptions, TrainResult } from '../types.ts'
import { deliver } from './deliver.ts'
import { checkLabels } from './label-pools.ts'
import type { ReadPools } from './label-pools.ts'
import { loadTraining } from './training-data.ts'
import type { LoadedTraining, TrainingFiles } from './training-data.ts'

/** A training of files into a run directory, as plain data. */
export interface TrainingPlan extends Omit<TrainingFiles, 'readPools'>, RunSettings {
  /** `sft` imitates labels, which need pools; with beams alone its loss selects the best policy. */
  readonly command: 'train' | 'sft'
  /** Run directory. */
  readonly out: string
  /** Checkpoint to start from. */
  readonly init?: string | undefined
  /** Of a new policy. */
  readonly architecture: string
  /** Gives a new policy a learned number for every demonstration that was measured. */
  readonly memberBias?: boolean | undefined
  /** Settings of a new policy besides D. */
  readonly settings: Readonly<Record<string, number | boolean>>
  readonly phases: readonly PhaseOptions[]
  /** Deliver a baseline, the start or a mixture where the trained policy is not better (default false). */
  readonly floor?: boolean | undefined
}

/** How a training runs, which does not change what it learns. */
export interface RunSettings {
  readonly threads?: number | undefined
  readonly device?: TrainOptions['device'] | undefined
  readonly saveEvery?: number | undefined
  readonly keepEpochs?: boolean | undefined
  readonly tensorboard?: boolean | undefined
}

export interface TrainFilesOptions {
  readonly signal?: AbortSignal
  /** Reads `poolFile`. */
  readonly readPools?: ReadPools
  /** For the manifest: name of a program -> version. */
  readonly versions?: Readonly<Record<string, string>>
}

/** What happens: first what the files hold, then the training. */
export type TrainFilesEvent =
  TrainEvent | { readonly type: 'loaded'; readonly name: string; readonly training: LoadedTraining }

/** A finished or interrupted training, and its files. */
export interface TrainedFiles extends TrainResult {
  /** Path of the run directory, and of the best checkpoint in it. */
  readonly out: string
  readonly checkpoint: string
  /** What was left out of the data, by reason. */
  readonly dropped: ReadonlyMap<string, number>
  /** What the checkpoint chooses by, and what it was compared with. */
  readonly selection?: Selection
}

/**
 * Trains a policy on files into a run directory, as `lever train` and `lever sft` do. Interrupted by `signal`, or killed, and
 * called again, it continues to the same bytes.
 * @throws InputError if files or settings are wrong, or the run directory belongs to another training
 */
export async function* trainFiles(
  plan: TrainingPlan,
  { signal, readPools, versions = {} }: TrainFilesOptions = {},
): AsyncGenerator<TrainFilesEvent, TrainedFiles> {
  const { command, init, seed, validation, splitBy } = plan
  const stops = await mayStop(plan)
  const rewards = stops ? { ...plan.rewards, prefixes: true } : plan.rewards
  const loaded = await loadTraining({ ...plan, rewards, readPools })
  if (command === 'sft') checkLabels(loaded, plan.rlData)
  const { training, warning } = withTellingValidation(loaded, plan)
  const members = plan.memberBias === true && init === undefined ? membersOf(training.data.groups) : undefined
  const { model, info, hash } = await startingModel({
    ...{ ...plan, members },
    ...{ checkpoint: init, dim: training.dim },
  })
  const phases = fitBackbone(plan.phases, model)
  const run = await openRunDirectory({
    path: plan.out,
    command,
    config: {
      ...{ architecture: model.architecture, model: model.config, phases, rewards, validation },
      ...(splitBy === 'image' && { splitBy }),
    },
    inputs: { ...training.hashes, ...(hash !== null && { init: hash }) },
    seed,
    versions,
  })
  try {
    yield* describeTraining(training, plan, stops)
    if (warning !== undefined) yield { type: 'warning', message: warning }
    await run.update({
      rlData: [...plan.rlData.map((file) => resolve(file)), ...(await writeLabels(run, plan))],
    })
    yield { type: 'loaded', name: init === undefined ? model.architecture : 'policy', training }
    const { threads, device, saveEvery = null, keepEpochs = true, tensorboard = false } = plan
    const result = yield* train({
      model,
      data: training.data,
      phases,
      seed,
      output: run.path,
      info: training.info,
      ...{ saveEvery, keepEpochs, tensorboard },
      ...(command === 'sft' && training.beams && { selectBy: 'loss' as const }),
      ...(init !== undefined && { start: info }),
      ...(threads !== undefined && { threads }),
      ...(device !== undefined && { device }),
      ...(signal !== undefined && { signal }),
    })
    const checkpoint = run.file('checkpoints/best.safetensors')
    const done = { ...result, out: run.path, checkpoint, dropped: training.dropped }
    if (result.status !== 'finished') return done
    const start = init === undefined || isUntrained(info) ? undefined : { model, info }
    const selection = plan.floor === true ? yield* deliver(done, training, { start, threads }) : undefined
    await run.update({
      ...{ best: placeOf(result.best), last: placeOf(result.last) },
      ...(selection !== undefined && { selection }),
    })
    return { ...done, ...(selection !== undefined && { selection }) }
  } finally {
    await run.close()
  }
}

/** Writes labels into the run directory, so that it names the questions that were trained on. Gives the path. */
async function writeLabels(run: RunDirectory, { labels }: TrainingPlan): Promise<readonly string[]> {
  if (labels === undefined) return []
  const path = run.file('labels.json')
  await writeFileAtomic(path, encodeRlData(labels).bytes)
  return [path]
}

/** Labels that no validation query tells apart select nothing: the last epoch is the result then. */
function withTellingValidation(
  training: LoadedTraining,
  { labels }: TrainingPlan,
): { readonly training: LoadedTraining; readonly warning?: string } {
  const { validation = [] } = training.data
  if (labels === undefined || validation.length === 0 || !validation.every(isFlat)) return { training }
  const warning = `no candidate's answer is right for any of the ${validation.length} validation groups, so they cannot select an epoch: the last one is taken`
  return { training: { ...training, data: { ...training.data, validation: [] } }, warning }
}

/** Where a policy of a training comes from, without its numbers. */
export function placeOf({
  phase,
  epoch,
  step,
  metrics,
}: TrainResult['best']): Pick<TrainResult['best'], 'phase' | 'epoch' | 'step' | 'metrics'> {
  return { phase, epoch, step, metrics }
}

/** Does the policy choose how many demonstrations it wants? */
async function mayStop({ init, architecture }: TrainingPlan): Promise<boolean> {
  if (init !== undefined) await requirePath(init, '--init')
  const name = init === undefined ? architecture : (await readCheckpoint(init)).model.architecture
  return architectureOf(name).stops === true
}

/** Freezes only the backbone parameters that this policy has: without an input projection (D = H) there are fewer. */
function fitBackbone(phases: readonly PhaseOptions[], { parameters }: PointerModel): readonly PhaseOptions[] {
  const names = [...parameters.keys()]
  const there = BACKBONE.filter((glob) => names.some((name) => name.startsWith(glob.replace('*', ''))))
  const isBackbone = ({ freeze }: PhaseOptions): boolean => freeze?.join() === BACKBONE.join()
  return phases.map((phase) => (isBackbone(phase) ? { ...phase, freeze: there } : phase))
}

function* describeTraining(
  training: LoadedTraining,
  plan: TrainingPlan,
  stops: boolean,
): Generator<TrainEvent> {
  for (const [reason, count] of training.dropped) {
    yield { type: 'notice', message: `left out: ${count} (${reason})` }
  }
  if (training.splitByData) {
    const message = 'validated on the val_ids of the data, not by --val-ratio (else: --split-by image)'
    yield { type: 'notice', message }
  }
  if (stops) yield* describePrefixes(training, plan)
}

/** Says what there is to learn from about when to stop, and what is missing. */
function* describePrefixes(
  { prefixes }: LoadedTraining,
  { init, phases }: TrainingPlan,
): Generator<TrainEvent> {
  const compares = (phase: PhaseOptions): boolean => ['listwise', 'grpo'].includes(phase.objective)
  const counts = [...prefixes].sort(([a], [b]) => a - b).map(([k, count]) => `${count} of ${k}`)
  if (counts.length === 0) {
    const message =
      'no outcome of a pointer that stops early, so nothing teaches when to stop: RCE and SFT learn never to, listwise and GRPO leave it open; measure some with lever generate --prefix-shots 0,1'
    yield { type: 'warning', message }
    return
  }
  const message = `prefixes: ${counts.join(', ')} demonstrations, measured, are pointers that stop there`
  yield { type: 'notice', message }
  const open = phases.filter(({ epochs }) => epochs > 0).every(compares)
  if (init === undefined && open && !prefixes.has(0)) {
    const message =
      'listwise and GRPO only compare what was measured, and no question was asked without demonstrations, so the policy may choose none; measure that too with lever generate --prefix-shots 0,1'
    yield { type: 'warning', message }
  }
}
