import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { datasetOptions, labelPoolOptions, poolDatasetOptions } from '../options/data.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'
import { planOnAgreement } from '../pipeline/train/agreement.ts'
import { runTrain } from '../pipeline/train/run-train.ts'

export const sft: Command = defineCommand({
  describe:
    'Trains a policy by supervision: it imitates the InfoScore beams of a beam file, the best measured pointers of RL data, or, without any model, the candidates whose own answer is right (--target agreement).',
  example:
    'lever sft --rl-data runs/beams/beams.json --embeddings train.safetensors --out runs/sft\n  lever sft --target agreement --dataset world/train --embeddings train.safetensors --out runs/agreement',
  options: async () => {
    const { SFT_SETTINGS } = await import('@lever/grpo-trainer')
    const { Data, ...others } = SFT_SETTINGS
    return { ...others, Data: { ...Data, ...datasetOptions, ...poolDatasetOptions, ...labelPoolOptions } }
  },
  interrupted: () => CONTINUES,
  async run(options, context) {
    const { planSft } = await import('@lever/grpo-trainer')
    if (options.target !== 'agreement') return runTrain(planSft(options), context)
    return runTrain(await planOnAgreement({ ...options, ...placesOf(options) }, context), context)
  },
})
