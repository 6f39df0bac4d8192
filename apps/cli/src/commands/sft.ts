import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { runTrain } from '../pipeline/train/run-train.ts'

export const sft: Command = defineCommand({
  describe:
    'Trains a policy by supervision: it imitates the InfoScore beams of a beam file, or the best measured pointers of RL data.',
  example: 'lever sft --rl-data runs/beams/beams.json --embeddings train.safetensors --out runs/sft',
  options: async () => (await import('@lever/grpo-trainer')).SFT_SETTINGS,
  interrupted: () => CONTINUES,
  async run(options, context) {
    const { planSft } = await import('@lever/grpo-trainer')
    return runTrain(planSft(options), context)
  },
})
