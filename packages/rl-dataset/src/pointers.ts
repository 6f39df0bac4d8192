import type { IndexSpace } from './types.ts'

/** The pointer fields of a candidate as they stand in the file. */
export interface RawPointer {
  readonly pointer?: readonly number[]
  readonly pointer_global?: readonly number[]
  readonly pointer_pos?: readonly number[]
}

/** The pool of a query and what is said about the meaning of `pointer` in it. */
export interface PointerSpace {
  readonly pool: readonly number[] | null
  /** Position of each id of the pool. */
  readonly positions: () => ReadonlyMap<number, number>
  /** What `pointer` means where `pointer_global` is absent; undefined: to be decided per candidate. */
  readonly space: IndexSpace | undefined
}

/** Pointer fields in the canonical form, or why they cannot be had. */
export type ResolvedPointer =
  | {
      readonly pointer: readonly number[]
      readonly pointer_global?: readonly number[]
      /** How the file wrote it, when it is not the canonical way. */
      readonly from: 'local' | 'global'
    }
  | { readonly rule: string; readonly problem: string }

/**
 * Decides for one candidate what its `pointer` means, and gives the canonical form: with a pool, positions in `pointer` and
 * ids in `pointer_global`; without a pool, ids in `pointer`. Never guesses: where both readings are possible and nothing
 * in the file says which, it is a problem.
 */
export function resolvePointer(raw: RawPointer, { pool, positions, space }: PointerSpace): ResolvedPointer {
  const { pointer_global } = raw
  const pointer = raw.pointer ?? (pointer_global === undefined ? raw.pointer_pos : undefined)
  if (pointer === undefined && pointer_global === undefined) {
    return { rule: 'pointer-missing', problem: 'there is no pointer' }
  }
  if (pool === null) return withoutPool(pointer, pointer_global, space)
  if (pointer === undefined) return fromIds(pointer_global!, positions())
  if (pointer_global !== undefined) {
    const isLocal = agrees(pointer, pointer_global, pool)
    if (!isLocal && sameItems(pointer, pointer_global)) return fromIds(pointer, positions())
    return { pointer, pointer_global, from: 'local' }
  }
  if (space === 'local') return fromPositions(pointer, pool)
  if (space === 'global') return fromIds(pointer, positions())

  const canBeIds = pointer.every((id) => positions().has(id))
  const canBePositions = pointer.every((position) => position < pool.length)
  if (canBeIds && canBePositions && !agrees(pointer, pointer, pool)) {
    return {
      rule: 'pointer-ambiguous',
      problem:
        `pointer [${pointer.join(', ')}] can be read as ids and as positions in the pool, and the file does not say which; ` +
        `add pointer_global or _meta.index_space, or give the index space (lever data convert --index-space)`,
    }
  }
  if (!canBeIds && canBePositions) {
    return {
      rule: 'pointer-unknown',
      problem:
        `pointer [${pointer.join(', ')}] is not made of ids of the pool; as positions it would be valid: ` +
        `add pointer_global or _meta.index_space, or give the index space (lever data convert --index-space local)`,
    }
  }
  return fromIds(pointer, positions())
}

/** Is the pointer in the canonical form already, so that `resolvePointer` would give it back? */
export function isResolved({ pointer, pointer_global }: RawPointer, { pool, space }: PointerSpace): boolean {
  if (pointer === undefined) return false
  if (pool === null) return pointer_global === undefined && space !== 'local'
  return pointer_global !== undefined && agrees(pointer, pointer_global, pool)
}

function withoutPool(
  pointer: readonly number[] | undefined,
  pointer_global: readonly number[] | undefined,
  space: IndexSpace | undefined,
): ResolvedPointer {
  if (pointer === undefined) return { pointer: pointer_global!, from: 'global' }
  if (pointer_global !== undefined && !sameItems(pointer, pointer_global)) {
    return {
      rule: 'pool-missing',
      problem:
        'pointer and pointer_global differ, but the query has no candidate_pool_ids to check them against',
    }
  }
  if (space === 'local') {
    return {
      rule: 'pool-missing',
      problem: 'pointer holds positions, but the query has no candidate_pool_ids',
    }
  }
  return { pointer, from: 'global' }
}

function fromIds(ids: readonly number[], positions: ReadonlyMap<number, number>): ResolvedPointer {
  const pointer: number[] = []
  for (const id of ids) {
    const position = positions.get(id)
    if (position === undefined) {
      return {
        rule: 'pointer-unknown',
        problem: `pointer ${id} is not in the pool of ${positions.size}; the pool and the pointers do not belong together`,
      }
    }
    pointer.push(position)
  }
  return { pointer, pointer_global: ids, from: 'global' }
}

function fromPositions(pointer: readonly number[], pool: readonly number[]): ResolvedPointer {
  const outside = pointer.find((position) => position >= pool.length)
  if (outside !== undefined) return outsidePool(outside, pool)
  return { pointer, pointer_global: pointer.map((position) => pool[position]!), from: 'local' }
}

/** A position that the pool does not have. */
export function outsidePool(position: number, pool: readonly number[]): { rule: string; problem: string } {
  return {
    rule: 'pointer-range',
    problem: `position ${position} is outside the pool of ${pool.length} (0..${pool.length - 1})`,
  }
}

function agrees(pointer: readonly number[], ids: readonly number[], pool: readonly number[]): boolean {
  if (pointer.length !== ids.length) return false
  for (let k = 0; k < ids.length; k++) if (pool[pointer[k]!] !== ids[k]) return false
  return true
}

function sameItems(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((item, k) => item === b[k])
}
