import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requirePath } from '../files.ts'
import {
  formatInspected,
  inspectCheckpoint,
  loadingOptions,
  loadOptionsOf,
} from '../pipeline/policy/checkpoints.ts'

export const checkpointInspect: Command = defineCommand({
  describe:
    'What a checkpoint holds: configuration, phase, metrics, hashes, tensors. Exit code 2 when it cannot be used as a policy.',
  example: 'lever checkpoint inspect runs/train/checkpoints/best.safetensors',
  files: { name: 'file', describe: '.safetensors, .pt, .pth or .ckpt', min: 1, max: 1 },
  options: loadingOptions,
  async run(options, _, [file = '']) {
    await requirePath(file, 'file')
    const description = await inspectCheckpoint(file, await loadOptionsOf(options))
    return {
      json: description,
      text: formatInspected(description),
      exitCode: description.problem === null ? 0 : 2,
    }
  },
})
