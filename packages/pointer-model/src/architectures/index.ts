import type { Architecture } from '../types.ts'
import { withMembers } from '../members.ts'
import * as TABLE from './table.ts'

/** A name of {@link ARCHITECTURES}. */
export type ArchitectureName = keyof typeof TABLE

/** Every setting of an architecture. */
export type ConfigOf<Name extends ArchitectureName> =
  (typeof TABLE)[Name] extends Architecture<infer Config> ? Config : never

/** The architectures by name, each with the option `members`. */
export const ARCHITECTURES: Readonly<Record<ArchitectureName, Architecture>> = Object.fromEntries(
  Object.entries(TABLE as Record<string, Architecture>).map(([name, base]) => [name, withMembers(base)]),
) as Record<ArchitectureName, Architecture>

/** The names of the architectures, in the order in which they are listed to people and recognised. */
export const ARCHITECTURE_NAMES: readonly ArchitectureName[] = (
  Object.keys(TABLE) as ArchitectureName[]
).sort((a, b) => TABLE[a].order - TABLE[b].order)
