import { InputError } from '@lever/durable-files'
import { architectureName } from '@lever/pointer-model'
import type { RlData } from '@lever/rl-dataset'
import { readSettings } from '@lever/settings'
import type { GivenSettings, Settings } from '@lever/settings'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { trainFiles } from '../files/train-files.ts'
import { TRAIN_FILES_OPTIONS } from '../files/plan.ts'
import type { TrainedFiles, TrainFilesEvent, TrainFilesOptions, TrainingPlan } from '../files/plan.ts'
import { AGREEMENT_PRESET, AUTO_CANDIDATES, MEMBER_PRESET, PRESETS, SFT_PRESET } from '../presets.ts'
import type { Preset } from '../presets.ts'
import { SFT_SETTINGS, TRAIN_SETTINGS } from './groups.ts'
import type { SftGroups, TrainGroups } from './groups.ts'
import { phasesOf } from './phases-of.ts'
import { groupOptionsOf } from './reward-settings.ts'

type Intersection<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never
type Flat<G> = Intersection<G[keyof G]>

type TrainSchema = Flat<TrainGroups>
type SftSchema = Flat<SftGroups>

/** The settings of `lever train`, checked and with their defaults. */
export type TrainSettings = Settings<TrainSchema>
/** The settings of `lever sft`, checked and with their defaults. */
export type SftSettings = Settings<SftSchema>

/** The settings of all headings. */
function flat<G extends object>(groups: G): Flat<G> {
  return Object.assign({}, ...(Object.values(groups) as object[])) as Flat<G>
}

/** The settings of `lever train` by name. */
export const TRAIN_SCHEMA: TrainSchema = flat(TRAIN_SETTINGS)
/** The settings of `lever sft` by name. */
export const SFT_SCHEMA: SftSchema = flat(SFT_SETTINGS)

type Training = AsyncGenerator<TrainFilesEvent, TrainedFiles>

/**
 * Trains on measured rewards as `lever train` does, with the same settings, in camelCase.
 * @throws InputError if a setting is unknown or wrong, and as `trainFiles`
 */
export function runTraining(given: GivenSettings<TrainSchema>, options?: TrainFilesOptions): Training {
  refuseUnknownOptions(options, TRAIN_FILES_OPTIONS, 'grpo-trainer: runTraining')
  return trainFiles(planTraining(readSettings(TRAIN_SCHEMA, given)), options)
}

/**
 * Trains by supervision as `lever sft` does, with the same settings, in camelCase.
 * @throws InputError if a setting is unknown or wrong, and as `trainFiles`
 */
export function runSft(given: GivenSettings<SftSchema>, options?: TrainFilesOptions): Training {
  refuseUnknownOptions(options, TRAIN_FILES_OPTIONS, 'grpo-trainer: runSft')
  return trainFiles(planSft(readSettings(SFT_SCHEMA, given)), options)
}

/** Settings of `lever train` as a plan. @throws InputError for settings that exclude each other */
export function planTraining(settings: TrainSettings): TrainingPlan {
  const { requirePositiveQuery, preset, floor } = settings
  const isAuto = preset === 'auto'
  if (isAuto) refuseInAuto(settings)
  return {
    ...planCommon(settings, PRESETS[preset === 'auto' ? 'recommended' : preset]),
    ...(isAuto && {
      candidates: Object.entries(AUTO_CANDIDATES).map(([name, recipe]) => {
        const { architecture, settings: own, phases } = planCommon(settings, recipe)
        return { name, architecture, settings: own, phases }
      }),
    }),
    command: 'train',
    floor,
    rewards: { ...groupOptionsOf(settings), requirePositiveQuery },
  }
}

/**
 * The plan of a small policy of an ensemble, which proposes what is measured next: always the same recipe, of the settings only
 * those of data, rewards and start. `member` is 0, 1, ...; each begins with other numbers.
 */
export function planMember(settings: TrainSettings, member: number): TrainingPlan {
  const { requirePositiveQuery, seed, rlData, embeddings, queryEmbeddings, init, splitBy, valRatio, out } =
    settings
  const { architecture, settings: own, phases } = MEMBER_PRESET
  return {
    ...{ command: 'train', rlData, embeddings, queryEmbeddings, init, splitBy, out, validation: valRatio },
    ...{ architecture, settings: own, phases, seed: 100 * (seed + 1) + member, keepEpochs: false },
    rewards: { ...groupOptionsOf(settings), requirePositiveQuery },
  }
}

/** @throws InputError for settings that leave `auto` nothing to choose */
function refuseInAuto({ architecture, init, floor }: TrainSettings): void {
  const remedies = {
    '--architecture': architecture !== undefined && 'it trains several and chooses one',
    '--init': init !== undefined && 'its policies are new ones; use --preset recommended to go on from one',
    '--no-floor': !floor && 'it chooses by what the floor compares',
  }
  for (const [flag, why] of Object.entries(remedies)) {
    if (why !== false) throw new InputError(`${flag} does not go with --preset auto: ${why}; leave out one`)
  }
}

/** Settings of `lever sft` as a plan. @throws InputError for settings that exclude each other */
export function planSft(settings: SftSettings): TrainingPlan {
  const { requirePositiveQuery, poolFile, rlData, target } = settings
  if (target === 'agreement') {
    throw new InputError(
      '--target agreement trains on a dataset and its pools, not on RL data; give --dataset, or `planAgreement` labels',
    )
  }
  if (rlData.length === 0) {
    throw new InputError(
      '--rl-data is missing: the beams or RL data that are imitated; give it, or --target agreement',
    )
  }
  return {
    ...planCommon(settings, SFT_PRESET),
    command: 'sft',
    poolFile,
    rewards: { requirePositiveQuery, minSize: 1 },
  }
}

/**
 * Settings of `lever sft` as a plan of training on agreement. `labels` is the `data` of `agreementLabels`, which
 * `rl-generate` makes.
 * @throws InputError for settings that exclude each other
 */
export function planAgreement(settings: SftSettings, labels: RlData): TrainingPlan {
  const { requirePositiveQuery, epochs, lr } = settings
  if (settings.rlData.length > 0) {
    throw new InputError('--target agreement makes its labels of the dataset; leave out --rl-data')
  }
  const given = {
    ...settings,
    target: undefined,
    epochs: undefined,
    lr: undefined,
    listwiseEpochs: epochs,
    listwiseLr: lr,
  }
  return {
    ...planCommon(given, AGREEMENT_PRESET),
    command: 'sft',
    labels,
    rewards: { requirePositiveQuery },
  }
}

function planCommon(
  settings: TrainSettings | SftSettings,
  recipe: Preset,
): Omit<TrainingPlan, 'command' | 'rewards'> {
  const { rlData, embeddings, queryEmbeddings, init, splitBy, seed, valRatio, out } = settings
  const { threads, device, saveEvery, keepEpochs, tensorboard } = settings
  const { hidden, numLayers, memberBias } = settings
  const architecture = architectureName(settings.architecture ?? recipe.architecture)
  if (init !== undefined && (settings.architecture ?? hidden ?? numLayers) !== undefined) {
    throw new InputError(
      '--init brings its own architecture; leave out --architecture, --hidden and --num-layers',
    )
  }
  return {
    ...{ rlData, embeddings, queryEmbeddings, init, splitBy, seed, validation: valRatio, out },
    ...{ threads, device, saveEvery, keepEpochs, tensorboard },
    architecture,
    ...(memberBias && { memberBias }),
    settings: {
      ...(architecture === recipe.architecture && recipe.settings),
      ...(hidden !== undefined && { hidden }),
      ...(numLayers !== undefined && { layers: numLayers }),
    },
    phases: phasesOf(recipe.phases, settings),
  }
}
