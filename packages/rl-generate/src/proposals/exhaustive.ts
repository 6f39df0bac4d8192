import { InputError } from '@lever/durable-files'
import { allSequences, countSequences } from './sequences.ts'
import { plainProposal, type CountOption, type ProposalMethod } from './types.ts'

/**
 * Every ordered sequence of K out of the pool, in lexicographic order. `count` is the most that
 * may come out: a larger space is an error, not a part of it.
 */
export const exhaustive: ProposalMethod<CountOption> = {
  needs: [],
  optionNames: { count: true },
  propose: ({ queries, shots }, { count }) =>
    queries.map(({ queryId, poolIds }) => {
      const total = countSequences(poolIds.length, shots)
      if (total > count) {
        throw new InputError(
          `rl-generate: query ${queryId} has ${total} ordered pointers of K=${shots} out of N=${poolIds.length}, more than ${count}; raise the count of exhaustive, or use smaller pools or fewer shots`,
        )
      }
      return [...allSequences(poolIds.length, shots)].map((pointer) => plainProposal('exhaustive', pointer))
    }),
}
