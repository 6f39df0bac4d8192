import type { PhaseOptions } from '@lever/grpo-trainer'
import type { ArchitectureName } from '@lever/pointer-model'
import type { PoolMethodName, ProposalRequest } from '@lever/rl-generate'

/** How one policy of the demo is made. */
export interface PolicyRecipe {
  /** Row of the table. */
  readonly name: string
  /** A preset of the trainer, and what of it is changed here; `agreement` trains on labels that need no model. */
  readonly preset: 'default' | 'recommended' | 'agreement'
  readonly architecture?: ArchitectureName
  readonly settings?: Readonly<Record<string, number | boolean>>
  readonly phases?: readonly PhaseOptions[]
}

/** Every size and number of the demo. Another recipe is another configuration: it needs another --out. */
export interface Recipe {
  /** Folders of the bundle; the library is what demonstrations come from. */
  readonly world: {
    readonly model: string
    readonly library: string
    readonly train: string
    readonly test: string
  }
  readonly generate: {
    /** Questions of the train split; null for all. */
    readonly queries: number | null
    /** How the part of the library is drawn that policies see. */
    readonly poolMethod: PoolMethodName
    /** N */
    readonly pool: number
    /** K */
    readonly shots: number
    /** Of the untrained policy that proposes. */
    readonly architecture: ArchitectureName
    readonly mix: readonly ProposalRequest[]
    /** G: random pointers fill every group up to it. */
    readonly size: number
  }
  /** Share of the training questions that select the best epoch. */
  readonly validation: number
  /** The last one is the best recipe, which the others are compared with. */
  readonly policies: readonly PolicyRecipe[]
  readonly evaluate: {
    /** Questions of the test split; null for all. */
    readonly queries: number | null
    readonly shots: readonly number[]
    readonly seeds: number
    /** Sequences measured per question for the oracle at 2 shots and more. */
    readonly oracleBudget: number
    readonly selectors: readonly string[]
  }
  readonly batchSize: number
}

const RECIPE: Recipe = {
  world: { model: 'model', library: 'world/train', train: 'world/train', test: 'world/test' },
  generate: {
    queries: null,
    poolMethod: 'mixed',
    pool: 64,
    shots: 2,
    architecture: 'cross-attention',
    mix: [
      { method: 'beam', count: 5 },
      { method: 'retrieval', count: 24 },
      { method: 'sample', count: 2, temperatures: [1, 1.3] },
      { method: 'random', count: 6 },
    ],
    size: 36,
  },
  validation: 0.1,
  policies: [
    { name: 'agreement', preset: 'agreement' },
    {
      name: 'pointer-rce',
      preset: 'default',
      settings: { hidden: 128 },
      phases: [
        {
          objective: 'rce',
          epochs: 5,
          learningRate: 1e-3,
          schedule: 'cosine',
          batchSize: 8,
          dropout: 0.2,
        },
      ],
    },
    { name: 'pointer-listwise', preset: 'recommended' },
  ],
  evaluate: {
    queries: null,
    shots: [0, 1, 2, 3, 4],
    seeds: 5,
    oracleBudget: 48,
    selectors: [
      ...['zero-shot', 'majority-vote', 'copy-nearest', 'random', 'vote', 'static', 'bm25'],
      ...['rices-image', 'rices-text', 'rices-both', 'mmices', 'mmr', 'k-means', 'pool:rices-both'],
    ],
  },
  batchSize: 2048,
}

/** The bundled worlds. */
export const WORLDS = ['copying', 'composition'] as const
export type WorldName = (typeof WORLDS)[number]

/** The demo of each world. */
export const RECIPES: Readonly<Record<WorldName, Recipe>> = {
  copying: RECIPE,
  composition: {
    ...RECIPE,
    world: {
      model: 'composition-model',
      library: 'world/composition-library',
      train: 'world/composition-train',
      test: 'world/composition-test',
    },
    // No answer of the library is right for any question, so agreement has nothing to learn from.
    policies: RECIPE.policies.filter(({ preset }) => preset !== 'agreement'),
  },
}
