import { arrange, bestFirst, eligible } from './candidates.ts'
import type { Order, Selector, SelectorDefinition } from './types.ts'

export interface Bm25Options {
  readonly name?: string
  /** Saturation of term counts. Default 1.2. */
  readonly k1?: number
  /** Weight of the length of a question, 0..1. Default 0.75. */
  readonly b?: number
  readonly order?: Order
}

/**
 * The k examples whose questions score highest for the words of the query:
 *   sum over query words w of idf(w) tf (k1 + 1) / (tf + k1 (1 - b + b length / mean length)),
 *   idf(w) = ln(1 + (N - n(w) + 0.5) / (n(w) + 0.5)),
 * with counts over the questions of the pool. Source: Robertson and Zaragoza (2009), with Lucene's idf, which is
 * never negative. Words are runs of letters and digits in lower case.
 */
export function bm25({ name = 'bm25', k1 = 1.2, b = 0.75, order = 'best-last' }: Bm25Options = {}): Selector {
  if (!(k1 >= 0) || !(b >= 0 && b <= 1)) {
    throw new RangeError(`icl-eval: ${name} needs k1 >= 0 and b in 0..1, got k1 ${k1} and b ${b}`)
  }
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: true,
    needs: [],
    select(context, k) {
      const positions = eligible(context, k, name)
      const documents = positions.map((position) => wordsOf(context.pool[position]!.question))
      const scores = bm25Scores(wordsOf(context.query.question), documents, { k1, b })
      const score = new Map(positions.map((position, i) => [position, scores[i]!]))
      return arrange(
        bestFirst(positions, (position) => score.get(position)!).slice(0, k),
        context.pool,
        order,
      )
    },
  }
}

/** BM25 of each document for the query, both as words. */
export function bm25Scores(
  query: readonly string[],
  documents: readonly (readonly string[])[],
  { k1, b }: { readonly k1: number; readonly b: number },
): number[] {
  const meanLength = documents.reduce((sum, words) => sum + words.length, 0) / documents.length || 1
  const counts = documents.map(countWords)
  const found = new Map<string, number>()
  for (const words of counts) for (const word of words.keys()) found.set(word, (found.get(word) ?? 0) + 1)
  const idf = (word: string): number => {
    const n = found.get(word) ?? 0
    return Math.log(1 + (documents.length - n + 0.5) / (n + 0.5))
  }
  return counts.map((words, d) => {
    const norm = k1 * (1 - b + (b * documents[d]!.length) / meanLength)
    return query.reduce((sum, word) => {
      const tf = words.get(word) ?? 0
      return tf === 0 ? sum : sum + (idf(word) * tf * (k1 + 1)) / (tf + norm)
    }, 0)
  })
}

/** Runs of letters and digits in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}

function countWords(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

export const definition: SelectorDefinition = {
  order: 60,
  summary: 'the questions that share most words (BM25)',
  requires: [],
  create: bm25,
}
