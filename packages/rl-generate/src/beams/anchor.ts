import type { Example } from '../types.ts'
import type { Scorer } from './scorer.ts'
import { bestExtensions, emptySequence, extensionsOf } from './search.ts'
import type { AnchorBeams, BeamOptions } from './types.ts'

/** What growing one anchor takes besides its scorer. */
export type GrowSettings = Pick<BeamOptions, 'infoScore'> &
  Required<Pick<BeamOptions, 'width' | 'order'>> & {
    /** K */
    readonly shots: number
    readonly signal: AbortSignal
  }

/**
 * Grows the beams of one anchor: 1 + N + (K - 1) x width x about N prompts.
 *
 * @returns undefined when the prompt without demonstrations, or every sequence, cannot be scored
 */
export async function growAnchor(
  query: Example,
  poolIds: readonly number[],
  scorer: Scorer,
  { shots, width, order, infoScore, signal }: GrowSettings,
): Promise<AnchorBeams | undefined> {
  const [start] = await scorer.score(query, [[]])
  if (start === undefined) return undefined
  let sequences = [emptySequence(start)]
  for (let k = 1; k <= shots; k++) {
    signal.throwIfAborted()
    const extensions = extensionsOf(sequences, poolIds, order)
    const scores = await scorer.score(
      query,
      extensions.map(({ ids }) => ids),
    )
    sequences = bestExtensions(extensions, scores, { start, width, infoScore })
    if (sequences.length === 0) return undefined
  }
  return { query, poolIds, beams: sequences.map(({ ids, score, steps }) => ({ ids, score, steps })) }
}
