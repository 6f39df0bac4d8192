import { encodeSafetensors } from '@lever/tensor-files'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import type { PointerModel } from '../model.ts'
import { countParameters } from '../model.ts'
import {
  encodeCheckpoint,
  readCheckpoint,
  type LoadedCheckpoint,
  type LoadOptions,
  LOAD_OPTIONS,
} from './checkpoint.ts'

/** What a checkpoint can be converted to: ours, or a state dict that the Python original reads. */
export const CHECKPOINT_FORMS = ['lever', 'original'] as const

/** A form that a checkpoint can be converted to. */
export type CheckpointForm = (typeof CHECKPOINT_FORMS)[number]

/** A checkpoint in another form, and what became of the tensors of the old one. */
export interface ConvertedCheckpoint
  extends
    Pick<PointerModel, 'architecture' | 'config'>,
    Pick<LoadedCheckpoint, 'missing' | 'foreign' | 'ignored'> {
  /** The new safetensors file. */
  readonly bytes: Uint8Array
  readonly parameters: number
  readonly tensors: number
  readonly warnings: readonly string[]
}

/**
 * A checkpoint in another form. Tensors keep their values.
 * @throws as `readCheckpoint`
 */
export async function convertCheckpoint(
  file: string,
  to: CheckpointForm,
  options: LoadOptions = {},
): Promise<ConvertedCheckpoint> {
  refuseUnknownOptions(options, LOAD_OPTIONS, 'pointer-model: convertCheckpoint')
  const { model, info, missing, foreign, ignored } = await readCheckpoint(file, options)
  const { architecture, config, parameters } = model
  const warnings: string[] = []
  if (missing.length > 0)
    warnings.push(`${missing.length} tensors were missing and got new values: ${missing.join(', ')}`)
  if (to === 'original' && architecture !== 'cross-attention')
    warnings.push(`the original has no architecture ${architecture} and will refuse this state dict`)
  return {
    ...{ architecture, config, missing, foreign, ignored, warnings },
    bytes: to === 'lever' ? encodeCheckpoint({ model, info }) : encodeStateDict(model),
    parameters: countParameters(model),
    tensors: parameters.size,
  }
}

function encodeStateDict({ parameters }: PointerModel): Uint8Array {
  const tensors = new Map(
    Array.from(parameters, ([name, { shape, values }]) => [
      name,
      { dtype: 'F32' as const, shape, data: values },
    ]),
  )
  return encodeSafetensors({ tensors, metadata: new Map([['format', 'pt']]) })
}
