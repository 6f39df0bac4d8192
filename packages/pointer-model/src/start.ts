import { hashFile, InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { ArchitectureName } from './architectures/index.ts'
import type { CheckpointInfo } from './checkpoint/checkpoint.ts'
import { readCheckpoint } from './checkpoint/checkpoint.ts'
import type { Floor } from './floor/types.ts'
import { createModel } from './model.ts'
import type { Members } from './members.ts'
import type { OwnSettings, PointerModel } from './model.ts'

/** The checkpoint that a policy starts from, or what a new policy is like. */
export interface StartOptions {
  /** File of a checkpoint. Without one a new policy is made, of `architecture`, `settings` and `seed`. */
  readonly checkpoint?: string | undefined
  /** Of a new policy, which needs it; a checkpoint says its own. */
  readonly architecture?: ArchitectureName | undefined
  /** Settings of a new policy besides D. */
  readonly settings?: OwnSettings
  /** Of a new policy: members of the library that get a learned number each. */
  readonly members?: Members | undefined
  /** D of the embeddings that it will read. */
  readonly dim: number
  /** Seed of a new policy. */
  readonly seed: number
}

export const START_OPTIONS: OptionNames<StartOptions> = {
  checkpoint: true,
  architecture: true,
  settings: true,
  members: true,
  dim: true,
  seed: true,
}

/** A model, what is known about it, and the file it comes from. */
export interface StartingModel {
  readonly model: PointerModel
  readonly info: CheckpointInfo
  /** What the checkpoint chooses by in place of the policy alone. */
  readonly floor?: Floor
  /** SHA-256 of the checkpoint; null for a new policy. */
  readonly hash: string | null
}

/**
 * The model of a checkpoint, without its floor, or a new one, for embeddings of size `dim`.
 * @throws InputError if the checkpoint is broken or was trained on embeddings of another size, and for a new policy if its
 * architecture is missing or does not exist
 */
export async function startingModel(options: StartOptions): Promise<StartingModel> {
  refuseUnknownOptions(options, START_OPTIONS, 'pointer-model: startingModel')
  const { checkpoint, architecture, settings = {}, members, dim, seed } = options
  if (checkpoint === undefined) {
    if (architecture === undefined)
      throw new InputError(
        'pointer-model: startingModel needs a checkpoint, or the architecture of a new policy',
      )
    const model = createModel({
      architecture,
      settings: { ...settings, dim },
      seed,
      members,
    })
    return { model, info: { phase: 'init' }, hash: null }
  }
  const { model, info } = await readCheckpoint(checkpoint)
  if (model.config.dim !== dim) {
    throw new InputError(
      `${checkpoint} was trained on embeddings of size ${model.config.dim}, but these have size ${dim}; give the embeddings that it was trained on`,
    )
  }
  const { floor, ...policy } = model
  return { model: policy, info, hash: await hashFile(checkpoint), ...(floor && { floor }) }
}
