import { InputError } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'
import { loadingOptions } from '../options/model.ts'

export const checkpointConvert: Command = defineCommand({
  describe:
    'Converts a checkpoint of the Python original (.pt, .pth, .ckpt) to one of lever, or one of lever to a state dict for the original. Tensors keep their values.',
  example: 'lever checkpoint convert grpo_epoch3.pt grpo.safetensors',
  files: { name: 'in out', describe: 'the checkpoint, and the new .safetensors file', min: 2, max: 2 },
  options: async () => {
    const { CHECKPOINT_FORMS } = await import('@lever/pointer-model')
    return {
      Model: loadingOptions,
      Output: {
        to: {
          type: 'text',
          about: 'target format: lever (with architecture and settings) or original (only the state dict)',
          choices: CHECKPOINT_FORMS,
          default: 'lever',
        },
      },
    }
  },
  async run({ to, ...options }, { progress }, [file = '', out = '']) {
    await requirePath(file, 'in')
    if (!out.endsWith('.safetensors')) {
      throw new InputError(
        `<out>: ${out} does not end in .safetensors, the only format written here; five lines of Python turn it into a .pt (docs/checkpoints.md)`,
      )
    }
    await requireNew(out, 'out')
    const { convertCheckpoint, readLoadOptions } = await import('@lever/pointer-model')
    const converted = await convertCheckpoint(file, to, readLoadOptions(options))
    const { bytes, warnings, architecture, config, parameters, tensors, ...lists } = converted
    for (const warning of warnings) progress.warn(warning)
    await writeNew(out, bytes, 'out')
    const { missing, foreign, ignored } = lists
    const left = [...foreign, ...ignored]
    return {
      json: { out, to, architecture, config, parameters, tensors, missing, foreign, ignored },
      text: [
        `${out}: ${architecture}, ${tensors} tensors, ${parameters.toLocaleString('en')} parameters`,
        ...(left.length > 0
          ? [`${left.length} ${left.length === 1 ? 'tensor' : 'tensors'} of other modules left out`]
          : []),
      ].join('\n'),
    }
  },
})
