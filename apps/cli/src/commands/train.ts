import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { rewardOptions } from '../options/rewards.ts'
import {
  phaseOptions,
  runOptions,
  startOptions,
  trainingDataOptions,
  trainingOutputOptions,
} from '../options/training.ts'
import { trainPlan } from '../pipeline/train/plan.ts'
import { runTrain } from '../pipeline/train/run-train.ts'

export const train: Command = defineCommand({
  describe:
    'Trains a policy on measured rewards: RCE, then GRPO if asked for, or another preset. Run again after an interruption, it continues to the same bytes.',
  example: 'lever train --rl-data runs/generate/rl-data.json --embeddings train.safetensors --out runs/train',
  async options() {
    const { PRESET_NAMES } = await import('@lever/grpo-trainer')
    const { ARCHITECTURE_NAMES } = await import('@lever/pointer-model')
    return {
      Data: trainingDataOptions,
      Rewards: rewardOptions,
      Training: {
        preset: {
          type: 'text',
          about: 'preset whose phases the other training options change',
          choices: PRESET_NAMES,
          default: 'default',
        },
        ...startOptions,
        architecture: { ...startOptions.architecture, choices: ARCHITECTURE_NAMES },
        ...phaseOptions,
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
  run: async (options, context) => runTrain({ ...(await trainPlan(options)), out: options.out }, context),
})
