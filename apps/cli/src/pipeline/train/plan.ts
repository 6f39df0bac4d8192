import { InputError } from '@lever/durable-files'
import type { ObjectiveName, PresetName, TrainingPlan } from '@lever/grpo-trainer'
import { phasesOf } from './phases.ts'
import { groupOptionsOf } from './rewards.ts'
import type { RewardChoice } from './rewards.ts'

type Options = Readonly<Record<string, unknown>> &
  Omit<
    TrainingPlan,
    'command' | 'out' | 'architecture' | 'settings' | 'phases' | 'rewards' | 'validation'
  > & {
    readonly architecture: string | undefined
    readonly hidden: number | undefined
    readonly numLayers: number | undefined
    readonly valRatio: number
    readonly requirePositiveQuery: boolean
  }

/** Options of `lever train` as a plan. @throws InputError for options that exclude each other */
export async function trainPlan(
  options: Options & RewardChoice & { readonly preset: PresetName },
): Promise<Omit<TrainingPlan, 'out'>> {
  const { OBJECTIVE_NAMES, PRESETS } = await import('@lever/grpo-trainer')
  const recipe = PRESETS[options.preset]
  const { architecture = recipe.architecture } = options
  const base = architecture === recipe.architecture ? recipe.settings : {}
  return {
    ...common(options, recipe.phases, OBJECTIVE_NAMES),
    command: 'train',
    architecture,
    settings: { ...base, ...sizesOf(options) },
    rewards: { ...groupOptionsOf(options), requirePositiveQuery: options.requirePositiveQuery },
  }
}

/** Options of `lever sft` as a plan. @throws InputError for options that exclude each other */
export async function sftPlan(
  options: Options & { readonly epochs: number; readonly lr: number; readonly target: string },
): Promise<Omit<TrainingPlan, 'out'>> {
  const { OBJECTIVE_NAMES } = await import('@lever/grpo-trainer')
  const { epochs, lr: learningRate, target, architecture = 'cross-attention' } = options
  const phase = {
    objective: 'sft' as const,
    epochs,
    learningRate,
    schedule: 'cosine' as const,
    warmup: 0.05,
    batchSize: 64,
    weightDecay: 1e-3,
    options: { target },
  }
  return {
    ...common(options, [phase], OBJECTIVE_NAMES),
    command: 'sft',
    architecture,
    settings: sizesOf(options),
    rewards: { requirePositiveQuery: options.requirePositiveQuery, minSize: 1 },
  }
}

function common(
  options: Options,
  phases: TrainingPlan['phases'],
  names: readonly ObjectiveName[],
): Pick<TrainingPlan, 'phases' | 'validation' | 'rlData' | 'embeddings' | 'seed'> {
  const { rlData, embeddings, queryEmbeddings, init, poolFile, splitBy, seed, valRatio } = options
  const { threads, device, saveEvery, keepEpochs, tensorboard, architecture, hidden, numLayers } = options
  if (init !== undefined && (architecture ?? hidden ?? numLayers) !== undefined) {
    throw new InputError(
      '--init brings its own architecture; leave out --architecture, --hidden and --num-layers',
    )
  }
  return {
    ...{ rlData, embeddings, queryEmbeddings, init, poolFile, splitBy, seed, validation: valRatio },
    ...{ threads, device, saveEvery, keepEpochs, tensorboard },
    phases: phasesOf(phases, options, names),
  }
}

function sizesOf({ hidden, numLayers }: Options): Record<string, number> {
  return {
    ...(hidden !== undefined && { hidden }),
    ...(numLayers !== undefined && { layers: numLayers }),
  }
}
