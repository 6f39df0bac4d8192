import { InputError } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { choice } from '../options.ts'
import { phaseOptions, phasesOf } from '../pipeline/train/phases.ts'
import { groupOptionsOf, rewardOptions } from '../pipeline/train/rewards.ts'
import { objectiveNames, runTrain } from '../pipeline/train/run-train.ts'
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
  async run(options, context) {
    const { PRESETS } = await import('@lever/grpo-trainer')
    const { preset, architecture, hidden, numLayers, init, valRatio } = options
    if (init !== undefined && (architecture ?? hidden ?? numLayers) !== undefined) {
      throw new InputError(
        '--init brings its own architecture; leave out --architecture, --hidden and --num-layers',
      )
    }
    const recipe = PRESETS[preset]
    const same = architecture === undefined || architecture === recipe.architecture
    return runTrain(
      'train',
      {
        ...options,
        architecture: architecture ?? recipe.architecture,
        settings: {
          ...(same ? recipe.settings : {}),
          ...(hidden !== undefined && { hidden }),
          ...(numLayers !== undefined && { layers: numLayers }),
        },
        phases: phasesOf(recipe.phases, options, await objectiveNames()),
        rewards: { ...groupOptionsOf(options), requirePositiveQuery: options.requirePositiveQuery },
        validation: valRatio,
      },
      context,
    )
  },
})
