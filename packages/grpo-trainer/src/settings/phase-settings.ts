import type { FieldName } from '../phases.ts'
import type { ObjectiveName, ObjectiveOptions } from '../objectives/index.ts'

/** A place in the phases: a field, or an option of an objective; `*` is every phase. */
export type Path =
  | `*.${FieldName}`
  | {
      [Name in ObjectiveName]: `${Name}.${FieldName | (keyof ObjectiveOptions[Name] & string)}`
    }[ObjectiveName]

/** A setting of phases: what it is, and what of the phases it sets. Limits and defaults follow from the places it sets. */
export interface PhaseSetting {
  readonly type: 'flag' | 'number' | 'text'
  /** One line for help. */
  readonly about: string
  readonly aliases?: readonly string[]
  readonly choices?: readonly string[]
  /** Several places of one objective are set together; of several objectives, in those that the training has. */
  readonly to: readonly Path[]
  /** What a flag sets its places to. */
  readonly value?: string | number | readonly string[]
  /** A limit tighter than that of its places. */
  readonly max?: number
  /** Settings that it needs. */
  readonly onlyWith?: Readonly<Record<string, readonly string[] | true>>
  /** Settings that exclude it, with the remedy. */
  readonly notWith?: Readonly<Record<string, string>>
}

/** Settings of the phases of `lever train`: one entry each. Everything else is reached by `set`. */
export const RL_SETTINGS = {
  rceEpochs: { type: 'number', about: 'epochs of RCE', to: ['rce.epochs'] },
  rceLr: { type: 'number', about: 'learning rate of RCE', to: ['rce.learningRate'] },
  rceTempStart: {
    type: 'number',
    about: 'temperature of the RCE weights at the first step',
    to: ['rce.temperatureStart'],
  },
  rceTempEnd: {
    type: 'number',
    about: 'temperature of the RCE weights at the last step',
    to: ['rce.temperatureEnd'],
  },
  rceUseRawReward: {
    type: 'flag',
    about: 'weigh pointers in RCE by raw rewards',
    to: ['rce.reward'],
    value: 'raw',
    notWith: { rceUseNormalizedReward: 'give one of them' },
  },
  rceUseNormalizedReward: {
    type: 'flag',
    about: 'weigh pointers in RCE by normalised rewards, which is the default',
    to: ['rce.reward'],
    value: 'normalized',
  },
  useTop1Only: {
    type: 'flag',
    about: 'train RCE on the best pointer of each group only',
    to: ['rce.top1'],
    value: 'best',
  },
  listwiseEpochs: {
    type: 'number',
    about: 'epochs of the listwise objective',
    to: ['listwise.epochs'],
  },
  listwiseLr: {
    type: 'number',
    about: 'learning rate of the listwise objective',
    to: ['listwise.learningRate'],
  },
  listwiseTemp: {
    type: 'number',
    about: 'temperature of the target of the listwise objective',
    to: ['listwise.temperatureStart', 'listwise.temperatureEnd'],
  },
  grpoEpochs: { type: 'number', about: 'epochs of GRPO, which comes last', to: ['grpo.epochs'] },
  grpoLr: { type: 'number', about: 'learning rate of GRPO', to: ['grpo.learningRate'] },
  klBeta: { type: 'number', about: 'coefficient of the KL term in GRPO', to: ['grpo.beta'] },
  disableAdaptiveKl: {
    type: 'flag',
    about: 'keep the KL coefficient of GRPO constant',
    to: ['grpo.adaptiveKl'],
    value: 'never',
  },
  usePpoClipOnly: {
    type: 'flag',
    about: 'train GRPO without the KL term',
    to: ['grpo.beta'],
    value: 0,
  },
  clipEpsilon: {
    type: 'number',
    about: 'clipping range of the probability ratio in GRPO, below 1',
    to: ['grpo.clipLow', 'grpo.clipHigh'],
  },
  numIterations: {
    type: 'number',
    about: 'epochs of GRPO per old policy, out of those that --grpo-epochs gives',
    to: ['grpo.numIterations'],
  },
  importanceSamplingMode: {
    type: 'text',
    about:
      'weighting of GRPO by the old policy over the proposing one: none, or weights above the cap truncated or masked to 0',
    choices: ['none', 'truncate', 'mask'],
    to: ['grpo.behaviour'],
  },
  importanceSamplingCap: {
    type: 'number',
    about: 'largest importance weight in GRPO, where the mean of a group is 1',
    to: ['grpo.behaviourCap'],
  },
  freezeBackbone: {
    type: 'flag',
    about: 'freeze the input projections during GRPO',
    aliases: ['freeze-backbone-in-grpo'],
    to: ['grpo.freeze'],
    value: ['input_proj.*', 'query_proj.*', 'cand_proj.*'],
  },
} as const

/** Settings of the phase of `lever sft`. */
export const SUPERVISED_SETTINGS = {
  epochs: { type: 'number', about: 'epochs of SFT', to: ['sft.epochs'] },
  lr: { type: 'number', about: 'learning rate of SFT', to: ['sft.learningRate'] },
  target: {
    type: 'text',
    about:
      'pointers of a query that are imitated: the best, the first, or all; agreement needs no pointers and no model: the candidates of the pool whose own answer is right (give --dataset)',
    choices: ['best', 'first', 'all', 'agreement'],
    to: ['sft.target'],
  },
} as const

/** Settings of every phase. */
export const COMMON_SETTINGS = {
  batchSize: { type: 'number', about: 'queries per step', to: ['*.batchSize'] },
  dropout: {
    type: 'number',
    about:
      'dropout of features while training, in every phase including GRPO (for attention weights: --set *.attentionDropout=0.1)',
    max: 0.99,
    to: ['*.dropout'],
  },
  weightDecay: { type: 'number', about: 'weight decay of AdamW', to: ['*.weightDecay'] },
  clipNorm: { type: 'number', about: 'upper limit of the gradient norm', to: ['*.clipNorm'] },
  labelSmoothing: {
    type: 'number',
    about: 'label smoothing of RCE and SFT',
    max: 0.99,
    to: ['rce.labelSmoothing', 'sft.labelSmoothing'],
  },
  schedule: {
    type: 'text',
    about: 'learning rate schedule of a phase',
    choices: ['constant', 'cosine'],
    to: ['*.schedule'],
  },
  warmup: {
    type: 'number',
    about: 'share of the steps over which the learning rate warms up',
    max: 0.99,
    to: ['*.warmup'],
  },
  patience: {
    type: 'number',
    about: 'epochs without a better validation after which a phase stops early',
    to: ['*.patience'],
  },
} as const

/** The settings by name. Adding one is its entry above. */
export const PHASE_SETTINGS: Readonly<Record<string, PhaseSetting>> = {
  ...RL_SETTINGS,
  ...SUPERVISED_SETTINGS,
  ...COMMON_SETTINGS,
}

/** A value in phases. */
export type Value = string | number | boolean | null | readonly string[]
