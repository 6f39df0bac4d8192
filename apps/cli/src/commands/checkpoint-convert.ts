import { InputError } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'
import { choice } from '../options.ts'
import { loadingOptions, loadOptionsOf } from '../pipeline/policy/checkpoints.ts'

const FORMS = ['lever', 'original'] as const

export const checkpointConvert: Command = defineCommand({
  describe:
    'A checkpoint of the Python original (.pt, .pth, .ckpt) as one of lever, or one of lever as a state dict for the original. Tensors stay as they are.',
  example: 'lever checkpoint convert grpo_epoch3.pt grpo.safetensors',
  files: { name: 'in out', describe: 'the checkpoint, and the new .safetensors file', min: 2, max: 2 },
  options: {
    to: choice('for whom: lever, with architecture and settings; original, the state dict alone', FORMS, {
      default: 'lever',
    }),
    ...loadingOptions,
  },
  async run({ to, ...options }, { progress }, [file = '', out = '']) {
    await requirePath(file, 'in')
    if (!out.endsWith('.safetensors')) {
      throw new InputError(
        `<out>: ${out} does not end in .safetensors, the only form that is written; five lines of Python make a .pt of it (docs/checkpoints.md)`,
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
      progress.warn(`${missing.length} arrays were missing and are new: ${missing.join(', ')}`)
    if (to === 'original' && model.architecture !== 'cross-attention') {
      progress.warn(`the original has no architecture ${model.architecture}; it will refuse this state dict`)
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
          ? [
              `left out, because they belong to other modules: ${left.length} ${left.length === 1 ? 'tensor' : 'tensors'}`,
            ]
          : []),
      ].join('\n'),
    }
  },
})
