import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requirePath } from '../files.ts'
import { loadingOptions } from '../options/model.ts'

export const checkpointInspect: Command = defineCommand({
  describe:
    'Shows what a checkpoint holds: configuration, phase, metrics, hashes, tensors. Exits with 2 if it cannot be used as a policy.',
  example: 'lever checkpoint inspect runs/train/checkpoints/best.safetensors',
  files: { name: 'file', describe: '.safetensors, .pt, .pth or .ckpt', min: 1, max: 1 },
  options: { Model: loadingOptions },
  async run(options, _, [file = '']) {
    await requirePath(file, 'file')
    const { formatCheckpoint, inspectCheckpoint, readLoadOptions } = await import('@lever/pointer-model')
    const description = await inspectCheckpoint(file, readLoadOptions(options))
    return {
      json: description,
      text: formatCheckpoint(description),
      exitCode: description.problem === null ? 0 : 2,
    }
  },
})
