import { openPolicy } from '@lever/pointer-model'
import type { PointerModel, Policy, PolicyInput } from '@lever/pointer-model'
import type { Group } from '@lever/rl-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { TrainingData } from './data.ts'
import { queryRewards } from './reward-metrics.ts'
import type { QueryRewards } from './reward-metrics.ts'

/** A policy, and the measured groups that it chooses from. */
export interface ScorePolicyOptions {
  /** The policy that is scored. */
  readonly model: PointerModel
  /** Groups with the rewards that count; their pools and rows as in training. */
  readonly groups: readonly Group[]
  /** Embeddings that `poolRows` of the groups point into, and `queryRow` where there are no others. */
  readonly embeddings: TrainingData['embeddings']
  /** Embeddings that `queryRow` points into. Default `embeddings`. */
  readonly queryEmbeddings?: TrainingData['queryEmbeddings']
  /** Threads inside an operator (default 1). */
  readonly threads?: number
}

export const SCORE_POLICY_OPTIONS: OptionNames<ScorePolicyOptions> = {
  model: true,
  groups: true,
  embeddings: true,
  queryEmbeddings: true,
  threads: true,
}

/** What a policy earns on measured pointers, query by query: the numbers behind the validation metrics. */
export async function scorePolicy(options: ScorePolicyOptions): Promise<QueryRewards[]> {
  refuseUnknownOptions(options, SCORE_POLICY_OPTIONS, 'grpo-trainer: scorePolicy')
  const { model, groups, embeddings, queryEmbeddings, threads = 1 } = options
  const data = { groups: [], embeddings, ...(queryEmbeddings && { queryEmbeddings }) }
  const policy = await openPolicy(model, { threads })
  try {
    const scores = await pointerLogProbs(policy, groups, data)
    return queryRewards(groups, scores, await greedyPointers(policy, groups, data))
  } finally {
    await policy.close()
  }
}

/** Log-probabilities of the measured pointers of every group [G]. */
export async function pointerLogProbs(
  policy: Policy,
  groups: readonly Group[],
  data: Pick<TrainingData, 'embeddings' | 'queryEmbeddings'>,
): Promise<ArrayLike<number>[]> {
  const scores: ArrayLike<number>[] = []
  for (const [places, input] of queryInputs(groups, data)) {
    const pointers = places.map((i) => pointersOf(groups[i]!))
    const found = await policy.logProbs(input, pointers)
    places.forEach((i, at) => (scores[i] = found[at]!))
  }
  return scores
}

/** The greedy pointer of every group, of its own number of shots. */
export async function greedyPointers(
  policy: Policy,
  groups: readonly Group[],
  data: TrainingData,
): Promise<Int32Array[]> {
  const pointers: Int32Array[] = []
  for (const [places, input, shots] of queryInputs(groups, data)) {
    const choices = await policy.greedy(input, { shots })
    places.forEach((i, at) => (pointers[i] = choices[at]!.pointer))
  }
  return pointers
}

/** Queries of one number of shots: their places in a list, what a policy reads of them, and K. */
export type QueryInput = readonly [places: readonly number[], input: PolicyInput, shots: number]

/** Groups as a policy reads them, by their number of shots. */
export function queryInputs(
  groups: readonly Group[],
  { embeddings, queryEmbeddings = embeddings }: Pick<TrainingData, 'embeddings' | 'queryEmbeddings'>,
): QueryInput[] {
  return [...new Set(groups.map((group) => group.shots))].map((shots) => {
    const places = groups.flatMap((group, i) => (group.shots === shots ? [i] : []))
    const items = places.map((i) => ({ row: groups[i]!.queryRow, pool: groups[i]!.poolRows }))
    return [places, { queries: queryEmbeddings, candidates: embeddings, items }, shots]
  })
}

function pointersOf({ pointers, size, shots }: Group): Int32Array[] {
  return Array.from({ length: size }, (_, g) => pointers.subarray(g * shots, (g + 1) * shots))
}
