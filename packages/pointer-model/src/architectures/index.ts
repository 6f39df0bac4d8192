import type { Architecture } from '../types.ts'
import { additive } from './additive.ts'
import { biEncoder } from './bi-encoder.ts'
import { crossAttention } from './cross-attention.ts'
import { gru } from './gru.ts'
import { mlpCrossAttention } from './mlp-cross-attention.ts'
import { mmr } from './mmr.ts'
import { stop } from './stop.ts'

/** The names of the architectures. */
export const ARCHITECTURE_NAMES = [
  'cross-attention',
  'mlp-cross-attention',
  'bi-encoder',
  'additive',
  'gru',
  'mmr',
  'stop',
] as const

export type ArchitectureName = (typeof ARCHITECTURE_NAMES)[number]

/** The architectures: a file in this folder, a name above and its entry here make one. */
export const ARCHITECTURES: Readonly<Record<ArchitectureName, Architecture>> = {
  'cross-attention': crossAttention,
  'mlp-cross-attention': mlpCrossAttention,
  'bi-encoder': biEncoder,
  additive,
  gru,
  mmr,
  stop,
}
