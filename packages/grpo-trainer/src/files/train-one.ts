import { join, resolve } from 'node:path'
import { hashBytes, InputError, openRunDirectory, requirePath, writeFileAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { architectureOf, isUntrained, readCheckpoint, startingModel } from '@lever/pointer-model'
import type { PointerModel } from '@lever/pointer-model'
import { encodeRlData } from '@lever/rl-dataset'
import { isFlat, membersOf } from '../data.ts'
import type { FloorOptions } from '../floor/floor.ts'
import type { TrainedPolicy } from '../floor/way.ts'
import { BACKBONE } from '../phases.ts'
import type { PhaseOptions } from '../phases.ts'
import { AGREEMENT_PRESET } from '../presets.ts'
import { train } from '../train.ts'
import type { TrainEvent, TrainOptions, TrainResult } from '../types.ts'
import { deliver, judged } from './deliver.ts'
import { checkLabels } from './label-pools.ts'
import type { TrainedFiles, TrainFilesEvent, TrainFilesOptions, TrainingPlan } from './plan.ts'
import { loadTraining } from './training-data.ts'
import type { LoadedTraining } from './training-data.ts'

/**
 * Trains one policy into a run directory; interrupted or killed, and called again, it continues to the same bytes.
 * @param delivers what stands above the floor into the best checkpoint; otherwise the caller compares
 * @throws InputError if files or settings are wrong, or the run directory belongs to another training
 */
export async function* trainOne(
  plan: TrainingPlan,
  settings: TrainFilesOptions,
  { name, delivers }: OneOfSeveral,
): AsyncGenerator<TrainFilesEvent, TrainedOne> {
  const { signal, readPools, versions = {} } = settings
  const { command, init, seed, validation, splitBy, floor = false } = plan
  const stops = await mayStop(plan)
  const rewards = stops ? { ...plan.rewards, prefixes: true } : plan.rewards
  const loaded = await loadTraining({ ...plan, rewards, readPools })
  if (command === 'sft') checkLabels(loaded, plan.rlData)
  const { training, warning } = withTellingValidation(loaded, plan)
  const members = plan.memberBias === true && init === undefined ? membersOf(training.data.groups) : undefined
  const { model, info, hash } = await startingModel({
    ...{ architecture: plan.architecture, settings: plan.settings, seed: plan.seed, members },
    ...{ checkpoint: init, dim: training.dim },
  })
  const phases = fitBackbone(plan.phases, model)
  const run = await openRunDirectory({
    path: plan.out,
    command,
    config: {
      ...{ architecture: model.architecture, model: model.config, phases, rewards, validation },
      ...(splitBy === 'image' && { splitBy }),
      ...checkedBy(plan),
    },
    inputs: { ...training.hashes, ...(hash !== null && { init: hash }), ...freeHash(plan) },
    seed,
    versions,
  })
  try {
    yield* describeTraining(training, plan, stops)
    if (warning !== undefined) yield { type: 'warning', message: warning }
    await run.update({
      rlData: [...plan.rlData.map((file) => resolve(file)), ...(await writeLabels(run, plan))],
    })
    yield { type: 'loaded', name: name ?? (init === undefined ? model.architecture : 'policy'), training }
    const { threads, device, saveEvery = null, keepEpochs = true, tensorboard = false } = plan
    const options: TrainOptions = {
      ...{ model, data: training.data, phases, seed, info: training.info, keepEpochs },
      ...(command === 'sft' && training.beams && { selectBy: 'loss' as const }),
      ...(init !== undefined && { start: info }),
      ...(threads !== undefined && { threads }),
      ...(device !== undefined && { device }),
      ...(signal !== undefined && { signal }),
    }
    const result = yield* train({ ...options, output: run.path, saveEvery, tensorboard })
    const checkpoint = run.file('checkpoints/best.safetensors')
    const files = { ...result, out: run.path, checkpoint, dropped: training.dropped }
    if (result.status !== 'finished') return interrupted(files, training)
    const start = init === undefined || isUntrained(info) ? undefined : { model, info }
    const greedy = delivers ? greedyOf(plan, settings) : undefined
    // An epoch that measured pointers prefer by chance is found out where choices are asked.
    const epochs = greedy === undefined ? (['best'] as const) : (['best', 'last'] as const)
    const policies = floor ? yield* judged(options, result, { name, start, epochs }) : []
    const free = floor && delivers ? yield* trainFree(plan, run.path, settings) : []
    if (free === undefined || policies === undefined) return interrupted(files, training)
    const starts = [...free, ...(start === undefined ? [] : [start])]
    const compared = { trained: policies, starts, greedy, threads }
    const checkpointOf = (policy: TrainedPolicy): string =>
      policy === policies[0] ? checkpoint : run.file('checkpoints/last.safetensors')
    const { selection } =
      floor && delivers ? yield* deliver(checkpoint, training, compared, checkpointOf) : {}
    await run.update({
      ...{ best: placeOf(result.best), last: placeOf(result.last) },
      ...(selection !== undefined && { selection }),
    })
    return { files: { ...files, ...(selection !== undefined && { selection }) }, training, policies }
  } finally {
    await run.close()
  }
}

/** The check of greedy choices that a plan asks for. @throws InputError if nothing can measure them */
export function greedyOf(
  { validateGreedy: queries = 0 }: TrainingPlan,
  { measure }: TrainFilesOptions,
): FloorOptions['greedy'] {
  if (queries === 0) return undefined
  if (measure !== undefined) return { queries, measure }
  throw new InputError(
    'grpo-trainer: validateGreedy asks a model what greedy choices are worth; give `measure`, or leave it out',
  )
}

/** What of a plan's check belongs into the manifest. */
export function checkedBy({ validateGreedy = 0 }: TrainingPlan): { readonly validateGreedy?: number } {
  return validateGreedy === 0 ? {} : { validateGreedy }
}

/** How one training stands among several. */
export interface OneOfSeveral {
  /** What it is called. */
  readonly name?: string
  /** Is what stands above the floor written into its best checkpoint? */
  readonly delivers: boolean
}

/**
 * Trains the policy of the labels that cost no prompt, if there are any, in a folder of the run: what the floor compares with.
 * Undefined when it was interrupted.
 */
export async function* trainFree(
  plan: TrainingPlan,
  out: string,
  options: TrainFilesOptions,
): AsyncGenerator<TrainFilesEvent, FloorOptions['starts'] | undefined> {
  const { free, embeddings, queryEmbeddings, validation, seed, threads, device } = plan
  if (free === undefined) return []
  const { architecture, settings, phases } = AGREEMENT_PRESET
  const own: TrainingPlan = {
    ...{
      command: 'sft',
      out: join(out, 'agreement'),
      rlData: [],
      labels: free,
      rewards: {},
      keepEpochs: false,
    },
    ...{ embeddings, queryEmbeddings, validation, seed, threads, device, architecture, settings, phases },
  }
  const { files } = yield* trainOne(own, options, { name: 'agreement', delivers: false })
  return files.status === 'finished' ? [await readCheckpoint(files.checkpoint)] : undefined
}

/** Hash of the labels that cost no prompt, for the manifest. */
export function freeHash({ free, floor }: TrainingPlan): { readonly free?: string } {
  return free === undefined || floor !== true ? {} : { free: hashBytes(encodeRlData(free).bytes) }
}

function interrupted(files: TrainedFiles, training: LoadedTraining): TrainedOne {
  return { files: { ...files, status: 'interrupted' }, training, policies: [] }
}

/** A training, what it was trained on, and its policies as the floor judges them. */
export interface TrainedOne {
  readonly files: TrainedFiles
  readonly training: LoadedTraining
  readonly policies: readonly TrainedPolicy[]
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
