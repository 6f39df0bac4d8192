import type { ArchitectureName, OwnSettings } from '@lever/pointer-model'
import type { PhaseOptions } from './phases.ts'

/** A recipe: which model, and which phases. */
export interface Preset {
  readonly summary: string
  readonly architecture: ArchitectureName
  /** Settings of the architecture besides `dim`. */
  readonly settings: OwnSettings
  readonly phases: readonly PhaseOptions[]
}

/** The names of the presets. */
export const PRESET_NAMES = ['default', 'recommended', 'lever-plus'] as const

/** A name of {@link PRESETS}. */
export type PresetName = (typeof PRESET_NAMES)[number]

/**
 * The recipes.
 * - `default`: the method's: RCE for 5 epochs at temperature 2.0 to 0.5 on normalised rewards, GRPO for 0.
 * - `recommended`: good on every world that it was tried on (docs/results.md): listwise, with RCE that holds down what was never
 *   measured, and a state that knows what was chosen. Temperatures are in units of the spread of the rewards within a query, so
 *   that they serve accuracy, its sums, expected accuracy and its logarithm.
 * - `lever-plus`: the original's training as it was, for comparison: one query a step, dropout 0.5,
 *   GRPO against the policy before RCE, advantages of normalised rewards (normalised twice), the KL
 *   coefficient adapted after every query, the best 3 and then 5 pointers.
 */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  default: {
    summary: 'RCE for 5 epochs, as the method',
    architecture: 'cross-attention',
    settings: { hidden: 256 },
    phases: [
      { objective: 'rce', epochs: 5, learningRate: 1e-4, batchSize: 1, dropout: 0.5, attentionDropout: 0.1 },
      { objective: 'grpo', epochs: 0, learningRate: 1e-5, batchSize: 16 },
    ],
  },
  recommended: {
    summary: 'listwise + 0.3 RCE on an MLP projection with a GRU state',
    architecture: 'mlp-gru',
    settings: { hidden: 64, inner: 128 },
    phases: [
      {
        objective: 'listwise',
        epochs: 20,
        learningRate: 2e-3,
        schedule: 'cosine',
        warmup: 0.03,
        batchSize: 16,
        dropout: 0.1,
        dropFlat: false,
        options: { reward: 'scaled', temperatureStart: 0.9, temperatureEnd: 0.9 },
        plus: [
          {
            objective: 'rce',
            weight: 0.3,
            options: { reward: 'scaled', temperatureStart: 0.2, temperatureEnd: 0.2 },
          },
        ],
      },
    ],
  },
  'lever-plus': {
    summary: 'the original training, with its choices',
    architecture: 'cross-attention',
    settings: { hidden: 256 },
    phases: [
      {
        objective: 'rce',
        epochs: 5,
        learningRate: 1e-4,
        batchSize: 1,
        dropout: 0.5,
        attentionDropout: 0.1,
        options: { smoothOver: 'all' },
      },
      {
        objective: 'grpo',
        epochs: 0,
        learningRate: 1e-5,
        batchSize: 1,
        dropout: 0.5,
        attentionDropout: 0.1,
        dropFlat: false,
        startFrom: 'last',
        options: {
          doubleNormalize: true,
          oldPolicy: 'initial',
          reference: 'initial',
          kl: 'k3',
          klDirection: 'reference',
          adaptiveKl: 'step',
          topKFirst: 3,
          topK: 5,
        },
      },
    ],
  },
}

const { recommended } = PRESETS
const listwise = recommended.phases.map((phase): PhaseOptions => ({ ...phase, plus: [] }))

/**
 * What `auto` trains and chooses from on the validation queries: no one of them is within 2 points of the best on every world
 * (docs/results.md). Ties go to the first, which is good on most.
 */
export const AUTO_CANDIDATES: Readonly<Record<string, Preset>> = {
  recommended,
  'listwise-gru': { ...recommended, summary: 'listwise with a GRU state', phases: listwise },
  'listwise-mlp': {
    summary: 'listwise on an MLP projection',
    architecture: 'mlp-cross-attention',
    settings: recommended.settings,
    phases: listwise,
  },
}

/** The recipe of a small policy of an ensemble, whose members disagree where too little was measured. */
export const MEMBER_PRESET: Preset = {
  summary: 'recommended, smaller and shorter',
  architecture: recommended.architecture,
  settings: { ...recommended.settings, hidden: 32 },
  phases: recommended.phases.map((phase): PhaseOptions => ({ ...phase, epochs: 8 })),
}

/** The recipe of training on agreement: labels that cost no prompt. */
export const AGREEMENT_PRESET: Preset = {
  summary: 'listwise on agreement',
  architecture: 'mlp-cross-attention',
  settings: { hidden: 64, inner: 128 },
  phases: [
    {
      objective: 'listwise',
      epochs: 20,
      learningRate: 2e-3,
      schedule: 'cosine',
      warmup: 0.03,
      batchSize: 16,
      dropout: 0.1,
      options: { temperatureStart: 0.8, temperatureEnd: 0.8 },
    },
  ],
}

/** The recipe of supervised training, on beams or the best measured pointers. */
export const SFT_PRESET: Preset = {
  summary: 'SFT for 20 epochs',
  architecture: 'cross-attention',
  settings: {},
  phases: [
    {
      objective: 'sft',
      epochs: 20,
      learningRate: 1e-4,
      schedule: 'cosine',
      warmup: 0.05,
      batchSize: 64,
      weightDecay: 1e-3,
      options: { target: 'best' },
    },
  ],
}
