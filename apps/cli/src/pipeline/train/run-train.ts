import { resolve } from 'node:path'
import { InputError, openRunDirectory } from '@lever/durable-files'
import type { ObjectiveName, PhaseOptions } from '@lever/grpo-trainer'
import type { ModelSettings, PointerModel } from '@lever/pointer-model'
import type { GroupOptions } from '@lever/rl-dataset'
import type { Context, Result } from '../../command.ts'
import { requirePath } from '../../files.ts'
import type { Progress } from '../../progress.ts'
import { version } from '../../version.ts'
import { checkLabels } from '../beams/beam-pools.ts'
import { readPolicy } from '../policy/policy.ts'
import { formatTrained, trainPolicy } from './train.ts'
import { loadTraining } from './training-data.ts'
import type { LoadedTraining } from './training-data.ts'

export interface TrainSettings {
  readonly rlData: readonly string[]
  readonly embeddings: string
  readonly queryEmbeddings: string | undefined
  readonly out: string
  /** Checkpoint to start from. */
  readonly init: string | undefined
  /** Of a new policy. */
  readonly architecture: string
  readonly settings: Readonly<Record<string, number | boolean>>
  readonly phases: readonly PhaseOptions[]
  readonly rewards: GroupOptions
  readonly validation: number
  readonly splitBy: 'data' | 'image' | undefined
  readonly threads: number
  readonly device: 'cpu' | 'cuda' | 'webgpu'
  readonly saveEvery: number | undefined
  readonly keepEpochs: boolean
  readonly tensorboard: boolean
  /** Pools for beams without any. */
  readonly poolFile?: string | undefined
  readonly seed: number
}

/** Trains a policy into a run directory: the commands train and sft. */
export async function runTrain(
  command: 'train' | 'sft',
  settings: TrainSettings,
  context: Context,
): Promise<Result> {
  const { validation, splitBy, seed, init } = settings
  const stops = await mayStop(settings)
  const rewards = stops ? { ...settings.rewards, prefixes: true } : settings.rewards
  const training = await loadTraining({ ...settings, rewards })
  if (command === 'sft') checkLabels(training, settings.rlData)
  const { model, hash } = await modelFor(settings, training.dim)
  const phases = await fitBackbone(settings.phases, model)
  const run = await openRunDirectory({
    path: settings.out,
    command,
    config: {
      ...{ architecture: model.architecture, model: model.config, phases, rewards, validation },
      ...(splitBy === 'image' && { splitBy }),
    },
    inputs: { ...training.hashes, ...(hash !== null && { init: hash }) },
    seed,
    versions: { lever: version() },
  })
  try {
    for (const [reason, count] of training.dropped) context.progress.info(`left out: ${count} (${reason})`)
    if (training.splitByData)
      context.progress.info(
        'validated on the val_ids of the data, not by --val-ratio (else: --split-by image)',
      )
    if (stops) tellPrefixes(training, settings, context.progress)
    await run.update({ rlData: settings.rlData.map((file) => resolve(file)) })
    const { threads, device, saveEvery, keepEpochs, tensorboard } = settings
    const name = init === undefined ? model.architecture : 'policy'
    const trained = await trainPolicy({
      name,
      model,
      training,
      phases,
      output: run.path,
      seed,
      threads,
      device,
      saveEvery,
      keepEpochs,
      tensorboard,
      ...(command === 'sft' && training.beams && { selectBy: 'loss' as const }),
      context,
    })
    const { best, last } = trained.result
    const about = ({ phase, epoch, step, metrics }: typeof best): Record<string, unknown> => ({
      phase,
      epoch,
      step,
      metrics,
    })
    await run.update({ best: about(best), last: about(last) })
    const checkpoint = run.file('checkpoints/best.safetensors')
    return {
      json: {
        out: run.path,
        checkpoint,
        best: about(best),
        last: about(last),
        audit: trained.audit,
        dropped: Object.fromEntries(training.dropped),
      },
      text: `${formatTrained(trained)}\ncheckpoint: ${checkpoint}`,
    }
  } finally {
    await run.close()
  }
}

/** The names of the objectives in the order of phases. */
export async function objectiveNames(): Promise<readonly ObjectiveName[]> {
  const { OBJECTIVE_NAMES } = await import('@lever/grpo-trainer')
  return OBJECTIVE_NAMES
}

/** Does the policy choose how many demonstrations it wants? */
async function mayStop({ init, architecture }: TrainSettings): Promise<boolean> {
  const { ARCHITECTURE_NAMES, architectureOf, readCheckpoint } = await import('@lever/pointer-model')
  if (init !== undefined) await requirePath(init, '--init')
  const wanted = init === undefined ? architecture : (await readCheckpoint(init)).model.architecture
  const name = ARCHITECTURE_NAMES.find((known) => known === wanted)
  return name !== undefined && architectureOf(name).stops === true
}

/** Says what there is to learn from about when to stop, and what is missing. */
function tellPrefixes(
  { prefixes }: LoadedTraining,
  { init, phases }: TrainSettings,
  progress: Progress,
): void {
  const compares = (phase: PhaseOptions): boolean => ['listwise', 'grpo'].includes(phase.objective)
  const counts = [...prefixes].sort(([a], [b]) => a - b).map(([k, count]) => `${count} of ${k}`)
  if (counts.length === 0) {
    progress.warn(
      'no outcome of a pointer that stops early, so nothing teaches when to stop: RCE and SFT learn never to, listwise and GRPO leave it open; measure some with lever generate --prefix-shots 0,1',
    )
    return
  }
  progress.info(`prefixes: ${counts.join(', ')} demonstrations, measured, are pointers that stop there`)
  const open = phases.filter(({ epochs }) => epochs > 0).every(compares)
  if (init === undefined && open && !prefixes.has(0)) {
    progress.warn(
      'listwise and GRPO only compare what was measured, and no question was asked without demonstrations, so the policy may choose none; measure that too with lever generate --prefix-shots 0,1',
    )
  }
}

/** Freezes of the backbone what the policy has of it: there is no input projection where D = H. */
async function fitBackbone(
  phases: readonly PhaseOptions[],
  { parameters }: PointerModel,
): Promise<readonly PhaseOptions[]> {
  const { BACKBONE } = await import('@lever/grpo-trainer')
  const names = [...parameters.keys()]
  const there = BACKBONE.filter((glob) => names.some((name) => name.startsWith(glob.replace('*', ''))))
  const isBackbone = ({ freeze }: PhaseOptions): boolean => freeze?.join() === BACKBONE.join()
  return phases.map((phase) => (isBackbone(phase) ? { ...phase, freeze: there } : phase))
}

async function modelFor(
  { init, architecture, settings, seed }: TrainSettings,
  dim: number,
): Promise<{ model: PointerModel; hash: string | null }> {
  const { ARCHITECTURE_NAMES, createModel } = await import('@lever/pointer-model')
  if (init !== undefined) return readPolicy({ policy: init, architecture, hidden: undefined }, dim, seed)
  const name = ARCHITECTURE_NAMES.find((known) => known === architecture)
  if (name === undefined) {
    throw new InputError(`--architecture is "${architecture}"; give one of ${ARCHITECTURE_NAMES.join(', ')}`)
  }
  return {
    model: createModel({ architecture: name, settings: { dim, ...settings } satisfies ModelSettings, seed }),
    hash: null,
  }
}
