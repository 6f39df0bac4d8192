import type { Architecture } from '../types.ts'
import * as TABLE from './table.ts'

/** A name of {@link ARCHITECTURES}. */
export type ArchitectureName = keyof typeof TABLE

/** The architectures by name. */
export const ARCHITECTURES: Readonly<Record<ArchitectureName, Architecture>> = TABLE

/** The names of the architectures, in the order in which they are listed to people and recognised. */
export const ARCHITECTURE_NAMES: readonly ArchitectureName[] = (
  Object.keys(TABLE) as ArchitectureName[]
).sort((a, b) => TABLE[a].order - TABLE[b].order)
