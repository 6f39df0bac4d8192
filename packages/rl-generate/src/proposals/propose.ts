import { InputError } from '@lever/durable-files'
import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { PROPOSAL_METHODS, type ProposalRequest } from './methods.ts'
import { checkMix, checkNeeds } from './needs.ts'
import { drawSequences, pointerKey } from './sequences.ts'
import {
  plainProposal,
  type PolicyProposer,
  type Proposal,
  type ProposalContext,
  type ProposalMethod,
  type ProposalQuery,
  type Similarity,
} from './types.ts'

/** Queries, mix and seed of proposals. */
export interface ProposeOptions {
  /** The queries and their pools, [N] ids each. */
  queries: readonly ProposalQuery[]
  /** K */
  shots: number
  /**
   * Methods in order of priority: a pointer found twice belongs to the first. What a method draws
   * depends on its place; one with count 0 keeps its place and proposes nothing.
   */
  mix: readonly ProposalRequest[]
  /** G: random pointers fill every group up to this size; 0 = no filling. */
  size?: number
  /** Default 0. */
  seed?: number | string
  /** Needed by the methods `beam` and `sample`; with `logProbs` all pointers carry theirs. */
  policy?: PolicyProposer | undefined
  /**
   * Needed by the method `retrieval`: similarities of a query to candidates, by kind, in the order of
   * preference.
   */
  similarities?: Readonly<Record<string, Similarity>> | undefined
  /** Query id -> pointers as ids of examples, for method `file`. */
  file?: ReadonlyMap<number, readonly (readonly number[])[]> | undefined
  /** Query id -> pointers (positions) that must not be proposed again. */
  known?: ReadonlyMap<number, readonly (readonly number[])[]>
  /** Another round gives other random, sampled and retrieved pointers. */
  round?: number
}

export const PROPOSE_OPTIONS: OptionNames<ProposeOptions> = {
  queries: true,
  shots: true,
  mix: true,
  size: true,
  seed: true,
  policy: true,
  similarities: true,
  file: true,
  known: true,
  round: true,
}

/**
 * The pointers to measure for each query, [G] of K positions, in the order of the mix, without
 * repeated ordered sequences. The proposals for a query depend on the seed, the query and the
 * inputs only, not on the other queries of the batch.
 *
 * @throws InputError if a method's input is missing or a pool is smaller than K; Error when a
 * policy gives a pointer that is not a sequence of K distinct pool positions
 */
export async function proposePointers(given: ProposeOptions): Promise<Proposal[][]> {
  refuseUnknownOptions(given, PROPOSE_OPTIONS, 'rl-generate: proposePointers')
  const {
    queries,
    shots,
    mix,
    size = 0,
    seed = 0,
    policy,
    similarities = {},
    file,
    known = new Map<number, readonly (readonly number[])[]>(),
    round = 0,
  } = given
  checkShots(queries, shots)
  checkMix(mix)
  checkNeeds(mix, { policy, file, similarities })
  const groups = queries.map(() => [] as Proposal[])
  const seen = queries.map(({ queryId }) => new Set((known.get(queryId) ?? []).map(pointerKey)))
  const add = (i: number, proposal: Proposal): void => {
    const key = pointerKey(proposal.pointer)
    if (seen[i]!.has(key)) return
    seen[i]!.add(key)
    groups[i]!.push(proposal)
  }
  for (const [place, request] of mix.entries()) {
    const { method: name, ...options } = request
    if (options.count === 0) continue
    const method = PROPOSAL_METHODS[name] as ProposalMethod<Record<string, unknown>>
    const context: ProposalContext = {
      queries,
      shots,
      similarities,
      policy,
      file,
      random: ({ queryId }) => createRandom(seed, 'proposal', name, place, round, queryId),
    }
    const lists = await method.propose(context, options)
    for (const [i, query] of queries.entries()) {
      for (const proposal of lists[i] ?? []) add(i, checked(proposal, query, shots))
    }
  }
  for (const [i, { queryId, poolIds }] of queries.entries()) {
    const wanted = Math.max(0, size - groups[i]!.length)
    const random = createRandom(seed, 'proposal', 'fill', round, queryId)
    for (const pointer of drawSequences(random, poolIds.length, shots, wanted, seen[i])) {
      add(i, plainProposal('random', pointer))
    }
  }
  return policy?.logProbs === undefined ? groups : await withLogProbs(policy, queries, groups)
}

async function withLogProbs(
  policy: PolicyProposer,
  queries: readonly ProposalQuery[],
  groups: readonly Proposal[][],
): Promise<Proposal[][]> {
  const missing = groups.map((group) => group.filter(({ logProb }) => logProb === null))
  const found = await policy.logProbs!(
    queries,
    missing.map((group) => group.map(({ pointer }) => pointer)),
  )
  return groups.map((group, i) => {
    const values = Array.from(found[i]!).values()
    return group.map((proposal) =>
      proposal.logProb === null ? { ...proposal, logProb: finite(values.next().value) } : proposal,
    )
  })
}

/** A log-probability as it can be stored: null for a pointer that the policy cannot give (-Infinity). */
function finite(logProb: number | undefined): number | null {
  if (logProb === undefined || Number.isNaN(logProb)) {
    throw new Error(`rl-generate: the policy gave the log-probability ${logProb}; it must be a number`)
  }
  return logProb === -Infinity ? null : logProb
}

function checked(proposal: Proposal, { queryId, poolIds }: ProposalQuery, shots: number): Proposal {
  const { pointer, method, logProb } = proposal
  if (logProb !== null && !Number.isFinite(logProb)) {
    throw new Error(
      `rl-generate: ${method} proposed [${pointer.join(', ')}] for query ${queryId} with log-probability ${logProb}; it must be finite`,
    )
  }
  const inside = pointer.every((p) => Number.isInteger(p) && p >= 0 && p < poolIds.length)
  if (inside && pointer.length === shots && new Set(pointer).size === shots) return proposal
  throw new Error(
    `rl-generate: ${method} proposed [${pointer.join(', ')}] for query ${queryId}, which is not K=${shots} distinct positions in a pool of N=${poolIds.length}`,
  )
}

function checkShots(queries: readonly ProposalQuery[], shots: number): void {
  if (!Number.isInteger(shots) || shots < 1) {
    throw new InputError(
      `rl-generate: a pointer of ${shots} demonstrations cannot be; use a whole number from 1`,
    )
  }
  const small = queries.find(({ poolIds }) => poolIds.length < shots)
  if (small === undefined) return
  throw new InputError(
    `rl-generate: the pool of query ${small.queryId} has ${small.poolIds.length} examples, fewer than K=${shots}; use larger pools or fewer shots`,
  )
}
