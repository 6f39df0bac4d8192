import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { rowFinder } from '@lever/tensor-files'
import type { EmbeddingMatrix } from '@lever/tensor-files'
import type { PolicyInput } from './batches.ts'
import type { PointerChoice } from './decode/greedy.ts'
import type { SampledPointer, SampleOptions } from './decode/sample.ts'
import { chooseByFloor } from './floor/choose.ts'
import type { Policy } from './policy.ts'

/** Embeddings that a policy reads. */
export interface PolicyTables {
  readonly queries: EmbeddingMatrix
  /** Default: `queries`. */
  readonly candidates?: EmbeddingMatrix
}

/** A query and the candidates to choose from. */
export interface QueryIds {
  readonly queryId: number
  /** [N] */
  readonly poolIds: readonly number[]
}

/** How a policy chooses: the most probable next candidate, or the most probable pointer that beam search finds. */
export const DECODINGS = ['greedy', 'beam'] as const

/** A way to choose: the greedy pointer, or the best of several beams. */
export type Decoding = (typeof DECODINGS)[number]

/** How many demonstrations are chosen, and how. */
export interface ChooseOptions {
  /** K */
  readonly shots: number
  /** Default `greedy`, whose choice of any K begins with that of K - 1. */
  readonly decoding?: Decoding
  /** Beams of `beam` (default 5). */
  readonly width?: number
}

const CHOOSE_OPTIONS: OptionNames<ChooseOptions> = { shots: true, decoding: true, width: true }

/** A policy that is asked by ids. A query in its own pool is never chosen. What a checkpoint has as its floor counts for `choose` alone. */
export interface PolicyByIds {
  readonly policy: Policy
  /** The ids of the demonstrations of every query, in order; fewer than K where the policy may stop and does. */
  choose(queries: readonly QueryIds[], options: ChooseOptions): Promise<number[][]>
  /** Pointers as positions in the pools, as the methods of `Policy`. */
  greedy(queries: readonly QueryIds[], options: { shots: number }): Promise<PointerChoice[]>
  /** The best pointers of every query by beam search, the most probable first, as ids. */
  beam(queries: readonly QueryIds[], options: { shots: number; width?: number }): Promise<PointerChoice[][]>
  /** Pointers drawn from the policy for every query, as ids. */
  sample(
    queries: readonly QueryIds[],
    options: SampleOptions & { shots: number },
  ): Promise<SampledPointer[][]>
  /** log p of given pointers of every query. */
  logProbs(
    queries: readonly QueryIds[],
    pointers: readonly (readonly ArrayLike<number>[])[],
  ): Promise<Float64Array[]>
}

/**
 * An open policy, asked by ids in place of rows. Its functions throw InputError for an id without a row.
 * @throws InputError if the embeddings have another size than those that the policy was trained on, or ids repeat
 */
export function byIds(policy: Policy, { queries, candidates = queries }: PolicyTables): PolicyByIds {
  for (const [name, { dim }] of Object.entries({ query: queries, candidate: candidates })) {
    if (dim === policy.model.config.dim) continue
    throw new InputError(
      `pointer-model: the policy was trained on embeddings of size ${policy.model.config.dim}, but the ${name} embeddings have size ${dim}; give the embeddings that it was trained on`,
    )
  }
  const queryRow = rowFinder(queries, 'query')
  const candidateRow = rowFinder(candidates, 'candidate')
  const inputOf = (asked: readonly QueryIds[]): PolicyInput => ({
    queries,
    candidates,
    items: asked.map(({ queryId, poolIds }) => ({
      row: queryRow(queryId),
      pool: Int32Array.from(poolIds, candidateRow),
      exclude: poolIds.flatMap((id, position) => (id === queryId ? [position] : [])),
    })),
  })
  return {
    policy,
    async choose(asked, options) {
      refuseUnknownOptions(options, CHOOSE_OPTIONS, 'pointer-model: choose')
      const { shots, decoding = 'greedy', width = 5 } = options
      const input = inputOf(asked)
      const { floor } = policy.model
      if (floor !== undefined && shots > 0) {
        const queryIds = asked.map(({ queryId }) => queryId)
        const places = { input, queryIds, poolIds: asked.map(({ poolIds }) => poolIds) }
        const chosen = await chooseByFloor(policy, floor, places, shots)
        return chosen.map((pointer, i) => idsOf(pointer, asked[i]!))
      }
      const choices =
        decoding === 'greedy'
          ? await policy.greedy(input, { shots })
          : (await policy.beam(input, { shots, width })).map(([best]) => best!)
      return choices.map(({ pointer }, i) => idsOf(pointer, asked[i]!))
    },
    greedy: (asked, options) => policy.greedy(inputOf(asked), options),
    beam: (asked, options) => policy.beam(inputOf(asked), options),
    sample: (asked, options) => policy.sample(inputOf(asked), options),
    logProbs: (asked, pointers) => policy.logProbs(inputOf(asked), pointers),
  }
}

function idsOf(pointer: Int32Array, { poolIds }: QueryIds): number[] {
  return Array.from(pointer, (position) => poolIds[position]!)
}
