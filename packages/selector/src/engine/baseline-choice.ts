import { selectAll, type SelectionContext, type Selector } from '@lever/icl-eval'
import { createRandom } from '@lever/reward-utils'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { Example } from '@lever/vqa-dataset'
import type { Collection } from './collection.ts'
import { stacked, type PoolQuery } from './pools.ts'
import type { KindRows } from './rows.ts'

/** Neighbours that selectors of the whole library are given, as in `evaluate`. */
const SEARCHED = 256

export interface BaselineOptions {
  readonly selector: Selector
  readonly shots: number
  /** Of selectors that draw. */
  readonly seed: number
  readonly collection: Collection
  /** Rows of length 1. */
  readonly kindRows: (kind: EmbeddingKind) => KindRows
  /** Rows of the pool of every question, for selectors that choose from it. */
  readonly pools?: readonly (readonly number[])[] | undefined
}

/** The rows that a selector of `icl-eval` chooses for every question, as `evaluate` would have it choose. */
export async function chooseBaseline(
  asked: readonly PoolQuery[],
  { selector, shots, seed, collection, kindRows, pools }: BaselineOptions,
): Promise<number[][]> {
  const isWide = selector.scope === 'library'
  const nearest = new Map<EmbeddingKind, Int32Array[]>()
  for (const kind of isWide ? selector.needs : []) {
    const positions = collection.positions()
    const found = kindRows(kind).search(
      stacked(asked.map(({ rows }) => rows[kind]!)),
      Math.min(SEARCHED, collection.size),
      asked.map(({ excluded }) => excluded),
    )
    nearest.set(
      kind,
      found.map(({ rows }) => Int32Array.from(rows, (row) => positions.get(row)!)),
    )
  }
  const contexts = asked.map((one, i): SelectionContext => {
    const rows = isWide ? collection.rows() : pools![i]!
    const stream = [seed, 'select', selector.stream ?? selector.name] as const
    return {
      query: one.query,
      pool: isWide ? collection.examples() : rows.map((row) => exampleAt(collection, row)),
      excluded: new Set(Array.from(one.excluded, (row) => collection.example(row).id)),
      ...(isWide && { nearest: (kind) => nearest.get(kind)?.[i], shared: () => createRandom(...stream) }),
      embeddings: Object.fromEntries(
        selector.needs.map((kind) => {
          const of = kindRows(kind)
          return [kind, { query: one.rows[kind]!, candidate: (position: number) => of.row(rows[position]!) }]
        }),
      ),
      random: createRandom(...stream, one.query.id),
    }
  })
  const chosen = await selectAll(selector, contexts, shots)
  return chosen.map((ids) => ids.map((id) => collection.rowOf(id)!))
}

function exampleAt(collection: Collection, row: number): Example {
  return collection.examples()[collection.positions().get(row)!]!
}
