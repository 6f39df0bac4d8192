import { wordsOf } from './selectors/bm25.ts'
import type { Example, ScoreFunction } from './types.ts'

/** A sequence of demonstrations in prompt order with what the model made of it. */
export interface MeasuredSequence {
  readonly examples: readonly Example[]
  readonly accuracy: number
  readonly text: string
}

/** The highest accuracy that any answer among the human answers has: no demonstrations can lead above it. */
export function bestReachable(query: Example, score: ScoreFunction): number {
  const answers = new Set([query.answer, ...query.answers])
  return Array.from(answers, (answer) => score(answer, query).accuracy).reduce((a, b) => Math.max(a, b))
}

export interface ProposalOptions {
  readonly query: Example
  readonly pool: readonly Example[]
  /** Sequences measured so far, by number of shots. */
  readonly levels: ReadonlyMap<number, ReadonlyMap<string, MeasuredSequence>>
  readonly k: number
  readonly top: number
  readonly limit: number
}

/** Sequences of k that are worth measuring next, most promising first, without those measured already. */
export function proposalsOf({ query, pool, levels, k, top, limit }: ProposalOptions): Example[][] {
  const candidates = pool.filter((example) => example.id !== query.id)
  const words = coverage(query)
  const singles = new Map<number, number>()
  for (const { examples, accuracy } of levels.get(1)?.values() ?? []) singles.set(examples[0]!.id, accuracy)
  const worth = (example: Example): number => singles.get(example.id) ?? 0
  const bases = k === 1 ? [[]] : bestSequences(levels.get(k - 1)!, top, words)
  const extensions = bases.flatMap((base, rank) =>
    candidates
      .filter((candidate) => !base.includes(candidate))
      .map((candidate) => ({
        base,
        rank,
        candidate,
        words: words([...base, candidate]),
        worth: worth(candidate),
      })),
  )
  extensions.sort((a, b) => b.words - a.words || b.worth - a.worth || a.rank - b.rank)
  const measured = levels.get(k)!
  const proposals = new Map<string, Example[]>()
  for (const { base, candidate } of extensions) {
    for (const sequence of k === 1
      ? [[candidate]]
      : [
          [candidate, ...base],
          [...base, candidate],
        ]) {
      if (proposals.size >= limit) return Array.from(proposals.values())
      const key = sequence.map(({ id }) => id).join(',')
      if (!measured.has(key)) proposals.set(key, sequence)
    }
  }
  return Array.from(proposals.values())
}

function bestSequences(
  level: ReadonlyMap<string, MeasuredSequence>,
  top: number,
  words: (examples: readonly Example[]) => number,
): (readonly Example[])[] {
  const ranked = Array.from(level.values()).sort(
    (a, b) => b.accuracy - a.accuracy || words(b.examples) - words(a.examples),
  )
  return ranked.slice(0, top).map(({ examples }) => examples)
}

/** How many words of the true answer the answers of some demonstrations hold. */
function coverage(query: Example): (examples: readonly Example[]) => number {
  const wanted = new Set(wordsOf(query.answer))
  const cache = new Map<Example, string[]>()
  const wordsIn = (example: Example): string[] => {
    const known = cache.get(example) ?? wordsOf(example.answer).filter((word) => wanted.has(word))
    cache.set(example, known)
    return known
  }
  return (examples) => new Set(examples.flatMap(wordsIn)).size
}
