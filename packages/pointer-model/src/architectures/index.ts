import type { Architecture } from '../types.ts'
import { crossAttention } from './cross-attention.ts'
import { mlpCrossAttention } from './mlp-cross-attention.ts'

/** The names of the architectures. */
export const ARCHITECTURE_NAMES = ['cross-attention', 'mlp-cross-attention'] as const

export type ArchitectureName = (typeof ARCHITECTURE_NAMES)[number]

/** The architectures: a file in this folder, a name above and its entry here make one. */
export const ARCHITECTURES: Readonly<Record<ArchitectureName, Architecture>> = {
  'cross-attention': crossAttention,
  'mlp-cross-attention': mlpCrossAttention,
}
