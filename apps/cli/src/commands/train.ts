import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { choice } from '../options.ts'
import { phaseOptions } from '../pipeline/train/phases.ts'
import { trainPlan } from '../pipeline/train/plan.ts'
import { rewardOptions } from '../pipeline/train/rewards.ts'
import { runTrain } from '../pipeline/train/run-train.ts'
import { trainOptions } from '../pipeline/train/train-options.ts'

export const train: Command = defineCommand({
  describe:
    'Trains a policy on measured rewards: RCE, then GRPO if asked; or another preset. Interrupted and run again, it continues to the same bytes.',
  example: 'lever train --rl-data runs/generate/rl-data.json --embeddings train.safetensors --out runs/train',
  async options() {
    const { PRESET_NAMES } = await import('@lever/grpo-trainer')
    const { ARCHITECTURE_NAMES } = await import('@lever/pointer-model')
    return {
      ...trainOptions,
      architecture: choice('architecture of a new policy', ARCHITECTURE_NAMES, { shown: 'of the preset' }),
      preset: choice('recipe that the other options change', PRESET_NAMES, { default: 'default' }),
      ...phaseOptions,
      ...rewardOptions,
    }
  },
  run: async (options, context) => runTrain({ ...(await trainPlan(options)), out: options.out }, context),
})
