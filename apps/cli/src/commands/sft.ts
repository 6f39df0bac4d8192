import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { choice, list, number, text } from '../options.ts'
import { phaseOptions } from '../pipeline/train/phases.ts'
import { sftPlan } from '../pipeline/train/plan.ts'
import { runTrain } from '../pipeline/train/run-train.ts'
import { trainOptions } from '../pipeline/train/train-options.ts'

const { 'batch-size': batchSize, dropout, 'weight-decay': weightDecay, 'clip-norm': clipNorm } = phaseOptions
const { 'label-smoothing': labelSmoothing, schedule, warmup, patience, set } = phaseOptions

export const sft: Command = defineCommand({
  describe:
    'Supervised policy: imitates the InfoScore beams of a beam file, or the best measured pointers of RL data.',
  example: 'lever sft --beams runs/beams/beams.json --embeddings train.safetensors --out runs/sft',
  async options() {
    const { ARCHITECTURE_NAMES } = await import('@lever/pointer-model')
    return {
      ...trainOptions,
      'rl-data': list(
        'InfoScore beams (lever beams, or of the original), or RL data; several are trained on jointly',
        {
          required: true,
          aliases: ['beams', 'beam-data'],
        },
      ),
      architecture: choice('architecture of a new policy', ARCHITECTURE_NAMES, { shown: 'cross-attention' }),
      hidden: number('hidden size H of a new policy', { min: 1, whole: true, shown: "the architecture's" }),
      'pool-file': text('pools of beams that name none: the candidates of the sampler', {
        aliases: ['pools', 'sampler-cache'],
      }),
      epochs: number('epochs', { default: 20, min: 0, whole: true }),
      lr: number('learning rate', { default: 1e-4, min: 0 }),
      target: choice('which pointers of a query are imitated', ['best', 'first', 'all'], { default: 'best' }),
      'batch-size': { ...batchSize, shown: '64' },
      dropout: { ...dropout, shown: '0' },
      'weight-decay': { ...weightDecay, shown: '0.001' },
      'clip-norm': clipNorm,
      'label-smoothing': labelSmoothing,
      schedule: { ...schedule, shown: 'cosine' },
      warmup: { ...warmup, shown: '0.05' },
      patience,
      set,
    }
  },
  run: async (options, context) => runTrain({ ...(await sftPlan(options)), out: options.out }, context),
})
