import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { datasetOptions, poolDatasetOptions, poolOptions, skipImagesOption } from '../options/data.ts'
import { modelOptions } from '../options/model.ts'
import { batchSizeOption, pointerShotsOption } from '../options/pointers.ts'
import { REWARDS } from '../pipeline/generate/reward.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'

const proposals = {
  rounds: {
    type: 'number',
    about: 'rounds of measuring and training',
    default: 3,
    min: 1,
    whole: true,
  },
  groupSize: {
    type: 'number',
    about: 'new pointers measured of every question in a round',
    default: 8,
    min: 2,
    whole: true,
  },
  members: {
    type: 'number',
    about: 'small policies in the ensemble that proposes from round 2 on, each trained on other questions',
    default: 4,
    min: 1,
    whole: true,
  },
  ...pointerShotsOption,
} as const

const rewards = {
  reward: {
    type: 'text',
    about:
      'what is measured, and learned from: accuracy of the decoded answer; expected accuracy without decoding; or both, which learns from the expected accuracy',
    choices: REWARDS,
    default: 'accuracy',
  },
  maxAnswers: {
    type: 'number',
    about: 'different human answers that are scored for the expected accuracy',
    min: 1,
    whole: true,
    unset: 'all',
    onlyWith: { reward: ['expected', 'both'] },
  },
} as const

const validateGreedy = {
  type: 'number',
  about:
    'questions of which, after the training, the choices of the policy, the best baseline and the best mixture are asked of the model, to decide which is delivered; 0 decides by what was measured before (with --floor)',
  default: 60,
  min: 0,
  whole: true,
} as const

export const improve: Command = defineCommand({
  describe:
    'Measures and trains in rounds: an ensemble of small policies, trained on what was measured so far, proposes for every question what is measured next (Thompson sampling); at the end one policy is trained on everything. One run directory, one journal of outcomes; run again after an interruption it continues, and with more --rounds it adds them.',
  example:
    'lever improve --dataset fixtures/shapes-vqa/world/train \\\n    --embeddings train.safetensors --rounds 3 --out runs/improve',
  options: async () => {
    const { TRAIN_SETTINGS } = await import('@lever/grpo-trainer')
    const { preset, init, set, floor } = TRAIN_SETTINGS.Training
    const { embeddings, ...pools } = poolOptions
    return {
      Data: {
        ...datasetOptions,
        ...skipImagesOption,
        ...poolDatasetOptions,
        embeddings: { ...embeddings, required: true },
        ...pools,
        valRatio: TRAIN_SETTINGS.Data.valRatio,
      },
      Model: {
        ...modelOptions,
        batchSize: batchSizeOption,
      },
      Proposals: proposals,
      Rewards: rewards,
      Training: { preset: { ...preset, default: 'recommended' }, init, floor, validateGreedy, set },
      Output: {
        out: { type: 'text', about: 'run directory', required: true, aliases: ['output-dir'] },
      },
      General: {
        seed: {
          type: 'number',
          about: 'seed of pools, proposals and training',
          default: 0,
          min: 0,
          whole: true,
        },
      },
    }
  },
  interrupted: () => CONTINUES,
  async run(options, context) {
    const { embeddings, groupSize: size, init: policy } = options
    const { defaultMix, formatImproved } = await import('@lever/rl-generate')
    const { improve: run } = await import('../pipeline/improve/improve.ts')
    const improved = await run(
      {
        ...{ ...options, ...placesOf(options), embeddings, size, policy, mix: defaultMix() },
        ...{ prefixes: [], shard: undefined, strict: true, allowFallback: false, relScore: false },
        ...{ untilInformative: undefined, queue: undefined, queueName: '', jobSize: 1 },
        ...{ architecture: 'cross-attention', hidden: undefined },
      },
      context,
    )
    return { json: improved, text: formatImproved(improved) }
  },
})
