import { drawSequences } from './sequences.ts'
import { plainProposal, type CountOption, type ProposalMethod } from './types.ts'

/** Uniform ordered sequences, all different. */
export const random: ProposalMethod<CountOption> = {
  needs: [],
  optionNames: { count: true },
  propose: ({ queries, shots, random: stream }, { count }) =>
    queries.map((query) =>
      drawSequences(stream(query), query.poolIds.length, shots, count).map((pointer) =>
        plainProposal('random', pointer),
      ),
    ),
}
