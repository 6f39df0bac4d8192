import { InputError } from '@lever/durable-files'
import type { PoolDataset, PoolEmbeddings, PoolSource, Pools } from './types.ts'

/** What pools are needed for. */
export interface PoolExpectation extends PoolSource {
  /** How they would be made, where that was asked for. */
  readonly method?: string | undefined
  readonly size?: number | undefined
  /** SHA-256 of the checkpoint that would search, where one was given. */
  readonly policy?: string | undefined
}

/**
 * Checks that pools from a file belong to this data. Files of the original say nothing about theirs, so only their size
 * can be checked; what they hold is checked by `buildPools`. Embeddings count only where they were used.
 *
 * @throws InputError that lists what differs
 */
export function checkPools(
  { method, size, policy, source }: Pools,
  wanted: PoolExpectation,
  path: string,
): void {
  const differences = [
    ...(wanted.method !== undefined && wanted.method !== method && source !== undefined
      ? [`they were made by method ${method}, not ${wanted.method}`]
      : []),
    ...(wanted.size !== undefined && wanted.size !== size
      ? [`they have ${size} examples, not ${wanted.size}`]
      : []),
    ...(wanted.policy !== undefined && wanted.policy !== policy
      ? [
          `they were searched by ${policy === undefined ? 'no policy' : `the policy ${short(policy)}`}, not by ${short(wanted.policy)}`,
        ]
      : []),
    ...(source === undefined ? [] : sourceDifferences(source, wanted)),
  ]
  if (differences.length === 0) return
  throw new InputError(
    `rl-generate: the pools of ${path} are of other data: ${differences.join('; ')}; use those of this data, or another path to make new ones`,
  )
}

function sourceDifferences(made: PoolSource, wanted: PoolSource): string[] {
  const dataset = (role: string, a: PoolDataset, b: PoolDataset): string[] =>
    a.hash === b.hash ? [] : [`the ${role} were ${nameOf(a)}, not ${nameOf(b)}`]
  const embeddings = (role: string, a: PoolEmbeddings, b: PoolEmbeddings): string[] =>
    a.hash === b.hash
      ? []
      : [
          `the embeddings of the ${role} were ${a.kind} by ${a.model} (${short(a.hash)}), not ${b.kind} by ${b.model} (${short(b.hash)})`,
        ]
  const [used, given] = [made.embeddings, wanted.embeddings]
  return [
    ...dataset('queries', made.queries, wanted.queries),
    ...dataset('candidates', made.candidates, wanted.candidates),
    ...(used !== undefined && given !== undefined
      ? [
          ...embeddings('queries', used.queries, given.queries),
          ...embeddings('candidates', used.candidates, given.candidates),
        ]
      : []),
  ]
}

function nameOf({ name, split, hash }: PoolDataset): string {
  return `${[name, split].filter((part) => part !== '').join(' ')} (${short(hash)})`
}

function short(hash: string): string {
  return hash.slice(0, 12)
}
