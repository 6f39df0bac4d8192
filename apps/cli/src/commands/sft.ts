import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import {
  phaseOptions,
  runOptions,
  startOptions,
  trainingDataOptions,
  trainingOutputOptions,
} from '../options/training.ts'
import { sftPlan } from '../pipeline/train/plan.ts'
import { runTrain } from '../pipeline/train/run-train.ts'

export const sft: Command = defineCommand({
  describe:
    'Trains a policy by supervision: it imitates the InfoScore beams of a beam file, or the best measured pointers of RL data.',
  example: 'lever sft --beams runs/beams/beams.json --embeddings train.safetensors --out runs/sft',
  async options() {
    const { ARCHITECTURE_NAMES } = await import('@lever/pointer-model')
    const { labelSmoothing, clipNorm, batchSize, dropout, weightDecay, schedule, warmup, patience, set } =
      phaseOptions
    return {
      Data: {
        ...trainingDataOptions,
        rlData: {
          type: 'list',
          about:
            'InfoScore beams (of lever beams or of the original) or RL data; several files are trained on jointly',
          required: true,
          aliases: ['beams', 'beam-data'],
        },
        poolFile: {
          type: 'text',
          about: 'file of pools for beams that name none: the candidates of the sampler',
          aliases: ['pools', 'sampler-cache'],
        },
      },
      Training: {
        ...startOptions,
        architecture: {
          ...startOptions.architecture,
          choices: ARCHITECTURE_NAMES,
          unset: 'cross-attention',
        },
        hidden: { ...startOptions.hidden, unset: "the architecture's own" },
        numLayers: { ...startOptions.numLayers, unset: "the architecture's own" },
        epochs: { type: 'number', about: 'epochs of SFT', default: 20, min: 0, whole: true },
        lr: { type: 'number', about: 'learning rate of SFT', default: 1e-4, min: 0 },
        target: {
          type: 'text',
          about: 'pointers of a query that are imitated: the best, the first, or all',
          choices: ['best', 'first', 'all'],
          default: 'best',
        },
        batchSize: { ...batchSize, unset: '64' },
        dropout: { ...dropout, unset: '0' },
        weightDecay: { ...weightDecay, unset: '0.001' },
        clipNorm: { ...clipNorm, unset: '1' },
        labelSmoothing: { ...labelSmoothing, about: 'label smoothing of SFT', unset: '0' },
        schedule: { ...schedule, unset: 'cosine' },
        warmup: { ...warmup, unset: '0.05' },
        patience,
        set,
        ...runOptions,
      },
      Output: trainingOutputOptions,
      General: {
        seed: {
          type: 'number',
          about: 'seed of the new policy, the order of queries, dropout and the split',
          default: 0,
          min: 0,
          whole: true,
        },
      },
    }
  },
  interrupted: () => CONTINUES,
  run: async (options, context) => runTrain({ ...(await sftPlan(options)), out: options.out }, context),
})
