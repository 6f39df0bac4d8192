import type { OptionNames } from '@lever/durable-files/known-options'
import type { ArchitectureName, OwnSettings, Selection } from '@lever/pointer-model'
import type { RlData } from '@lever/rl-dataset'
import type { MeasureChoices } from '../floor/greedy.ts'
import type { PhaseOptions } from '../phases.ts'
import type { TrainEvent, TrainOptions, TrainResult } from '../types.ts'
import type { ReadPools } from './label-pools.ts'
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
  readonly architecture: ArchitectureName
  /** Gives a new policy a learned number for every demonstration that was measured. */
  readonly memberBias?: boolean | undefined
  /** Settings of a new policy besides D. */
  readonly settings: OwnSettings
  readonly phases: readonly PhaseOptions[]
  /** Deliver a baseline, the start or a mixture where the trained policy is not better (default false). */
  readonly floor?: boolean | undefined
  /** With a floor: of so many queries the finalists' own choices are measured, by `TrainFilesOptions.measure`, and decide (default 0). */
  readonly validateGreedy?: number | undefined
  /** Trainings of new policies, of which the best on validation is delivered, ties to the first; in place of the above. */
  readonly candidates?: readonly Candidate[] | undefined
  /** Labels that cost no prompt (`agreementLabels`): a policy is trained on them too, which the floor compares with. */
  readonly free?: RlData | undefined
}

/** One of the trainings that `auto` chooses from. */
export interface Candidate extends Pick<TrainingPlan, 'architecture' | 'settings' | 'phases'> {
  readonly name: string
}

/** How a training runs, which does not change what it learns. */
export interface RunSettings {
  /** Threads inside an operator. Default 1. */
  readonly threads?: number | undefined
  /** Execution provider. Default `cpu`. */
  readonly device?: TrainOptions['device'] | undefined
  /** Save the resumable state after so many steps too. Default: after every epoch alone. */
  readonly saveEvery?: number | undefined
  /** Keep a checkpoint of every epoch, besides `best` and `last`. Default true. */
  readonly keepEpochs?: boolean | undefined
  /** Also write an event file for TensorBoard into the run directory. Default false. */
  readonly tensorboard?: boolean | undefined
}

/** What surrounds a training of files: an end, a reader of pools, versions. */
export interface TrainFilesOptions {
  /** Stops after the current steps; the state is saved, and the same call continues. */
  readonly signal?: AbortSignal
  /** Reads `poolFile`. */
  readonly readPools?: ReadPools
  /** Asks the model what choices are worth, for `validateGreedy`. Asked again after an interruption. */
  readonly measure?: MeasureChoices
  /** For the manifest: name of a program -> version. */
  readonly versions?: Readonly<Record<string, string>>
}

export const TRAIN_FILES_OPTIONS: OptionNames<TrainFilesOptions> = {
  signal: true,
  readPools: true,
  measure: true,
  versions: true,
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
