import type { Random } from '@lever/reward-utils'
import { plainProposal, type CountOption, type ProposalMethod } from './types.ts'

/**
 * Random pointers that share their first demonstrations: the leaves of a tree of depth K whose
 * nodes have ceil(count^(1/K)) children. Neighbours differ in their last demonstration only, so a
 * model that keeps the prefix computes it once; k-prefixes for multi-shot rewards are shared too.
 */
export const nested: ProposalMethod<CountOption> = {
  needs: [],
  optionNames: { count: true },
  propose: ({ queries, shots, random }, { count }) =>
    queries.map((query) => {
      const n = query.poolIds.length
      const leaves = grow(random(query), n, shots, count, branching(n, shots, count), [])
      return leaves.map((pointer) => plainProposal('nested', pointer))
    }),
}

function branching(n: number, shots: number, count: number): number {
  let branches = 1
  while (branches < n && branches ** shots < count) branches += 1
  return branches
}

function grow(
  random: Random,
  n: number,
  shots: number,
  count: number,
  branches: number,
  prefix: readonly number[],
): number[][] {
  if (prefix.length === shots) return [[...prefix]]
  const free = Array.from({ length: n }, (_, i) => i).filter((position) => !prefix.includes(position))
  const leaves: number[][] = []
  for (const position of random.sample(free, Math.min(branches, free.length))) {
    if (leaves.length >= count) break
    leaves.push(...grow(random, n, shots, count - leaves.length, branches, [...prefix, position]))
  }
  return leaves
}
