import type { CountOption, PolicyPointer, Proposal, ProposalMethod } from './types.ts'

/** The most probable pointers of the policy, by beam search. */
export const beam: ProposalMethod<CountOption> = {
  needs: ['policy'],
  optionNames: { count: true },
  async propose({ queries, policy, shots }, { count }) {
    if (count === 0) return queries.map(() => [])
    const found = await policy!.beam(queries, { width: count, shots })
    return found.map((pointers) => pointers.map(fromBeam))
  },
}

function fromBeam({ pointer, logProb }: PolicyPointer, rank: number): Proposal {
  return {
    pointer: Array.from(pointer),
    method: 'beam',
    beamRank: rank,
    temperature: null,
    beamScore: Math.exp(logProb),
    logProb,
  }
}
