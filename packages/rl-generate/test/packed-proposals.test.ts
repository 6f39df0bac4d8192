import { expect, test } from '@jest/globals'
import { packProposals } from '../src/generate/packed-proposals.ts'
import { plainProposal, type Proposal } from '../src/proposals/types.ts'

/** Proposals of a query: every third without numbers, the others with some. */
function proposalsOf(queryId: number): Proposal[] {
  return Array.from({ length: queryId % 5 }, (_, i) => {
    const plain = plainProposal(`method ${(queryId + i) % 4}`, [i, queryId, 2 ** 32 - 1 - i])
    if ((queryId + i) % 3 === 0) return plain
    return {
      ...plain,
      beamRank: i,
      logProb: -queryId / 7,
      temperature: i % 2 === 0 ? null : 0.7,
      beamScore: -0,
    }
  })
}

test('proposals come out as they went in, however many there are', () => {
  const packed = packProposals(3)
  const queryIds = Array.from({ length: 3000 }, (_, i) => 7 * i)
  for (const id of queryIds) packed.add(id, proposalsOf(id))
  expect(packed.size).toBe(queryIds.reduce((sum, id) => sum + (id % 5), 0))
  for (const id of queryIds) {
    expect(packed.countOf(id)).toBe(id % 5)
    expect(packed.of(id)).toEqual(proposalsOf(id))
  }
})
