import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { planWithAgreement } from '../pipeline/train/agreement.ts'
import { runTrain } from '../pipeline/train/run-train.ts'

export const train: Command = defineCommand({
  describe:
    'Trains a policy on measured rewards: RCE, then GRPO if asked for, or another preset; then compares it with baselines, and with labels that cost no prompt where the questions are the library too. Run again after an interruption, it continues to the same bytes.',
  example: 'lever train --rl-data runs/generate/rl-data.json --embeddings train.safetensors --out runs/train',
  options: async () => (await import('@lever/grpo-trainer')).TRAIN_SETTINGS,
  interrupted: () => CONTINUES,
  async run(options, context) {
    return runTrain(await planWithAgreement(options, context), context)
  },
})
