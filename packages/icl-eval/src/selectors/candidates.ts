import type { Example } from '../types.ts'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { EmbeddingRows, Order, SelectionContext } from './types.ts'

/**
 * Positions in the pool that may be selected: all but the query itself and what is excluded.
 *
 * @throws RangeError if k is not an integer of 0 or more, or if the pool holds fewer than k of them
 */
export function eligible({ pool, query, excluded }: SelectionContext, k: number, selector: string): number[] {
  if (!Number.isInteger(k) || k < 0) {
    throw new RangeError(`icl-eval: ${selector} was asked for ${k} demonstrations; give 0, 1, 2, ...`)
  }
  const positions: number[] = []
  for (let position = 0; position < pool.length; position++) {
    const { id } = pool[position]!
    if (id !== query.id && excluded?.has(id) !== true) positions.push(position)
  }
  if (positions.length < k) {
    throw new RangeError(
      `icl-eval: ${selector} was asked for ${k} demonstrations for query ${query.id}, whose pool has ` +
        `${positions.length} other examples; use fewer shots or a larger pool`,
    )
  }
  return positions
}

/** The embeddings of one kind. Throws when the context lacks them. */
export function rowsOf(context: SelectionContext, kind: EmbeddingKind, selector: string): EmbeddingRows {
  const rows = context.embeddings[kind]
  if (rows === undefined) {
    throw new Error(
      `icl-eval: ${selector} needs ${kind} embeddings; pass embeddings.${kind} or leave ${selector} out`,
    )
  }
  return rows
}

/** The cosine of two rows; 0 when one of them is all zero. Throws RangeError on different sizes. */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) {
    throw new RangeError(`icl-eval: embeddings of ${a.length} and ${b.length} numbers cannot be compared`)
  }
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! * a[i]!
    bb += b[i]! * b[i]!
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb)
}

/** Positions by falling score; equal scores keep the order of the pool. */
export function bestFirst(positions: readonly number[], score: (position: number) => number): number[] {
  const scores = new Map(positions.map((position) => [position, score(position)]))
  return [...positions].sort((a, b) => scores.get(b)! - scores.get(a)! || a - b)
}

/** The first k of `bestFirst`, without sorting the others. */
export function best(positions: readonly number[], score: (position: number) => number, k: number): number[] {
  const found: { position: number; score: number }[] = []
  if (k === 0) return []
  for (const position of positions) {
    const own = score(position)
    if (found.length === k && !(own > found[k - 1]!.score)) continue
    let at = found.length
    while (at > 0 && found[at - 1]!.score < own) at--
    found.splice(at, 0, { position, score: own })
    if (found.length > k) found.pop()
  }
  return found.map(({ position }) => position)
}

/** Ids of positions ranked best first, in prompt order. */
export function arrange(ranked: readonly number[], pool: readonly Example[], order: Order): number[] {
  const ids = ranked.map((position) => pool[position]!.id)
  return order === 'best-last' ? ids.reverse() : ids
}
