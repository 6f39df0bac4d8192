import type { Beam, ConstructOrder, GroundTruthScore } from './types.ts'

/** A sequence on the way. */
export interface Sequence extends Beam {
  /** Of the prompt with these demonstrations. */
  readonly probability: GroundTruthScore
}

/** A sequence that may follow, before it is scored. */
export interface Extension {
  readonly from: Sequence
  readonly id: number
  /** Ids in prompt order. */
  readonly ids: readonly number[]
}

/** The sequence without demonstrations. */
export function emptySequence(probability: GroundTruthScore): Sequence {
  return { ids: [], score: 0, steps: [], probability }
}

/** Every sequence with every candidate that it does not hold, sequence by sequence in the order of the pool. */
export function extensionsOf(
  sequences: readonly Sequence[],
  poolIds: readonly number[],
  order: ConstructOrder,
): Extension[] {
  return sequences.flatMap((from) =>
    poolIds
      .filter((id) => !from.ids.includes(id))
      .map((id) => ({ from, id, ids: order === 'after' ? [...from.ids, id] : [id, ...from.ids] })),
  )
}

/**
 * The `width` extensions of highest score, the best first; of equal ones the earlier. The score of
 * a sequence is its InfoScore over no demonstrations, so that sequences of different beginnings
 * compare. undefined marks an extension that could not be scored.
 */
export function bestExtensions(
  extensions: readonly Extension[],
  scores: readonly (GroundTruthScore | undefined)[],
  { start, width, infoScore }: SearchOptions,
): Sequence[] {
  return extensions
    .flatMap(({ from, id, ids }, i): Sequence[] => {
      const probability = scores[i]
      if (probability === undefined) return []
      const step = { id, score: infoScore(probability, from.probability) }
      return [{ ids, score: infoScore(probability, start), steps: [...from.steps, step], probability }]
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, width)
}

export interface SearchOptions {
  /** Of the prompt without demonstrations. */
  readonly start: GroundTruthScore
  readonly width: number
  readonly infoScore: (after: GroundTruthScore, before: GroundTruthScore) => number
}
