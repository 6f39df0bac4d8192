import { InputError } from '@lever/durable-files'
import { pointerKey } from './sequences.ts'
import { plainProposal, type CountOption, type ProposalMethod, type ProposalQuery } from './types.ts'

/** Given pointers, at most `count` a query, in their order. Queries that the file does not name get none. */
export const file: ProposalMethod<Partial<CountOption>> = {
  needs: ['file'],
  optionNames: { count: true },
  propose: ({ queries, shots, file: pointers }, { count = Infinity }) =>
    queries.map((query) => {
      const found = new Map<string, readonly number[]>()
      for (const ids of pointers!.get(query.queryId) ?? []) {
        const positions = positionsOf(query, ids, shots)
        found.set(pointerKey(positions), positions)
      }
      return [...found.values()].slice(0, count).map((pointer) => plainProposal('file', pointer))
    }),
}

function positionsOf({ queryId, poolIds }: ProposalQuery, ids: readonly number[], shots: number): number[] {
  const shown = `pointer [${ids.join(', ')}] of query ${queryId} in the pointer file`
  if (ids.length !== shots || new Set(ids).size !== shots) {
    throw new InputError(
      `rl-generate: ${shown} is not K=${shots} distinct examples; use --shots ${ids.length} or another file`,
    )
  }
  return ids.map((id) => {
    const position = poolIds.indexOf(id)
    if (position >= 0) return position
    throw new InputError(
      `rl-generate: example ${id} in ${shown} is not in the pool; use the pools that the pointers were made for (--pool file)`,
    )
  })
}
