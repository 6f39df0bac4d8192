import type { Context } from '../command.ts'
export interface TrainPolicyOptions {
  readonly rlData: readonly string[]
  readonly embeddings: string
  readonly name: string
  readonly preset: string
  readonly folder: string
  readonly seed: number
  readonly context: Context
}
export async function trainPolicy({ folder, seed, embeddings, name }: TrainPolicyOptions): Promise<void> {
  const { mkdir } = await import('node:fs/promises')
  const { createModel, writeCheckpoint } = await import('@lever/pointer-model')
  const { readEmbeddings } = await import('./embeddings.ts')
  await mkdir(`${folder}/checkpoints`, { recursive: true })
  const dim = (await readEmbeddings(embeddings)).dim
  await writeCheckpoint(`${folder}/checkpoints/best.safetensors`, {
    model: createModel({ settings: { dim }, seed: `${seed}${name}` }),
    info: {},
  })
}
