import { stat } from 'node:fs/promises'
import { hashFile, isInputError } from '@lever/durable-files'
import { readSafetensors, readTorch } from '@lever/tensor-files'
import type { TensorEntry } from '@lever/tensor-files'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { countParameters } from '../model.ts'
import { isUntrained, readCheckpoint, LOAD_OPTIONS } from './checkpoint.ts'
import type { CheckpointInfo, LoadOptions } from './checkpoint.ts'

/** A tensor of a file, without its numbers. */
export interface TensorLine {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
}

/** What a checkpoint file says of itself. */
export interface CheckpointDescription {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  /** `lever`: written by this project; else what the file is. */
  readonly format: 'lever' | 'safetensors' | 'pytorch'
  /** Null when the file is not a policy that can be used; `problem` says why. */
  readonly policy: {
    readonly architecture: string
    readonly config: object
    readonly parameters: number
    readonly missing: readonly string[]
    readonly foreign: readonly string[]
    readonly ignored: readonly string[]
  } | null
  readonly problem: string | null
  /** Whether it chooses by a policy that was never trained. */
  readonly untrained: boolean
  readonly info: CheckpointInfo
  readonly tensors: readonly TensorLine[]
  /** Metadata of the file that is not part of the above. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Everything that a checkpoint file says. A file with tensors that is not a usable policy is described too.
 * @throws InputError if the file is neither safetensors nor of PyTorch
 */
export async function inspectCheckpoint(
  file: string,
  options: LoadOptions = {},
): Promise<CheckpointDescription> {
  refuseUnknownOptions(options, LOAD_OPTIONS, 'pointer-model: inspectCheckpoint')
  const { tensors, metadata } = await readTensors(file)
  const { policy, problem, info, hasFloor } = await readPolicyOf(file, options)
  const own = metadata.get('format') === 'lever-pointer'
  return {
    file,
    bytes: (await stat(file)).size,
    sha256: await hashFile(file),
    format: isTorch(file) ? 'pytorch' : own ? 'lever' : 'safetensors',
    policy,
    problem,
    untrained: isUntrained(info) && !hasFloor,
    info,
    tensors: Array.from(tensors, ([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata: own ? {} : Object.fromEntries(metadata),
  }
}

const isTorch = (file: string): boolean => !file.endsWith('.safetensors')

interface Tensors {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
}

async function readTensors(file: string): Promise<Tensors> {
  return isTorch(file)
    ? { tensors: (await readTorch(file)).tensors, metadata: new Map() }
    : readSafetensors(file)
}

async function readPolicyOf(
  file: string,
  options: LoadOptions,
): Promise<Pick<CheckpointDescription, 'policy' | 'problem' | 'info'> & { readonly hasFloor: boolean }> {
  try {
    const loaded = await readCheckpoint(file, options)
    const { model, info, missing, foreign, ignored } = loaded
    const { architecture, config } = model
    const parameters = countParameters(model)
    const policy = { architecture, config, parameters, missing, foreign, ignored }
    return { policy, problem: null, info, hasFloor: model.floor !== undefined }
  } catch (error) {
    if (!isInputError(error)) throw error
    return { policy: null, problem: error.message, info: {}, hasFloor: false }
  }
}
