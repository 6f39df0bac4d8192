import { InputError } from '@lever/durable-files'
import { ARCHITECTURE_NAMES } from '../architectures/index.ts'
import type { LoadOptions } from './checkpoint.ts'

/** How a checkpoint is read that does not say everything about itself. */
export interface LoadingChoice {
  readonly architecture: string | undefined
  readonly heads: number | undefined
  readonly allowMissing: readonly string[]
  readonly allowForeign: readonly string[]
}

/** @throws InputError for an architecture that does not exist */
export function readLoadOptions({
  architecture,
  heads,
  allowMissing,
  allowForeign,
}: LoadingChoice): LoadOptions {
  const name = ARCHITECTURE_NAMES.find((known) => known === architecture)
  if (architecture !== undefined && name === undefined) {
    throw new InputError(`architecture is "${architecture}"; give one of ${ARCHITECTURE_NAMES.join(', ')}`)
  }
  return {
    allowMissing,
    allowForeign,
    ...(name !== undefined && { architecture: name }),
    ...(heads !== undefined && { settings: { heads } }),
  }
}
