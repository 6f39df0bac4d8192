import { InputError } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'
import { loadingOptions } from '../options/model.ts'
import { loadOptionsOf } from '../pipeline/policy/checkpoints.ts'

const FORMS = ['lever', 'original'] as const

export const checkpointConvert: Command = defineCommand({
  describe:
    'Converts a checkpoint of the Python original (.pt, .pth, .ckpt) to one of lever, or one of lever to a state dict for the original. Tensors keep their values.',
  example: 'lever checkpoint convert grpo_epoch3.pt grpo.safetensors',
  files: { name: 'in out', describe: 'the checkpoint, and the new .safetensors file', min: 2, max: 2 },
  options: {
    Model: loadingOptions,
    Output: {
      to: {
        type: 'text',
        about: 'target format: lever (with architecture and settings) or original (only the state dict)',
        choices: FORMS,
        default: 'lever',
      },
    },
  },
  async run({ to, ...options }, { progress }, [file = '', out = '']) {
    await requirePath(file, 'in')
    if (!out.endsWith('.safetensors')) {
      throw new InputError(
        `<out>: ${out} does not end in .safetensors, the only format written here; five lines of Python turn it into a .pt (docs/checkpoints.md)`,
      )
    }
    await requireNew(out, 'out')
    const { countParameters, encodeCheckpoint, readCheckpoint } = await import('@lever/pointer-model')
    const { encodeSafetensors } = await import('@lever/tensor-files')
    const { model, info, missing, foreign, ignored } = await readCheckpoint(
      file,
      await loadOptionsOf(options),
    )
    if (missing.length > 0)
      progress.warn(`${missing.length} tensors were missing and got new values: ${missing.join(', ')}`)
    if (to === 'original' && model.architecture !== 'cross-attention') {
      progress.warn(`the original has no architecture ${model.architecture} and will refuse this state dict`)
    }
    const tensors = new Map(
      Array.from(model.parameters, ([name, { shape, values }]) => [
        name,
        { dtype: 'F32' as const, shape, data: values },
      ]),
    )
    const bytes =
      to === 'lever'
        ? encodeCheckpoint({ model, info })
        : encodeSafetensors({ tensors, metadata: new Map([['format', 'pt']]) })
    await writeNew(out, bytes, 'out')
    const { architecture, config } = model
    const parameters = countParameters(model)
    const left = [...foreign, ...ignored]
    return {
      json: { out, to, architecture, config, parameters, tensors: tensors.size, missing, foreign, ignored },
      text: [
        `${out}: ${architecture}, ${tensors.size} tensors, ${parameters.toLocaleString('en')} parameters`,
        ...(left.length > 0
          ? [`${left.length} ${left.length === 1 ? 'tensor' : 'tensors'} of other modules left out`]
          : []),
      ].join('\n'),
    }
  },
})
