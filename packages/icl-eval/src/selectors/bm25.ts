import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { arrange, best, eligible } from './candidates.ts'
import type { Order, SelectionContext, Selector, SelectorDefinition } from './types.ts'

/** Name, constants and order of `bm25`. */
export interface Bm25Options {
  /** The name in tables and rows. Default `bm25`. */
  readonly name?: string
  /** Saturation of term counts. Default 1.2. */
  readonly k1?: number
  /** Weight of the length of a question, 0..1. Default 0.75. */
  readonly b?: number
  /** Default `best-last`: the highest score stands next to the query. */
  readonly order?: Order
}

export const BM25_OPTIONS: OptionNames<Bm25Options> = { name: true, k1: true, b: true, order: true }

/**
 * The k examples whose questions score highest for the words of the query:
 *   sum over query words w of idf(w) tf (k1 + 1) / (tf + k1 (1 - b + b length / mean length)),
 *   idf(w) = ln(1 + (N - n(w) + 0.5) / (n(w) + 0.5)),
 * with counts over the questions of the pool or library, the query's own among them where it is a member. Source: Robertson and Zaragoza (2009), with Lucene's idf, which is
 * never negative. Words are runs of letters and digits in lower case.
 */
export function bm25(options: Bm25Options = {}): Selector {
  refuseUnknownOptions(options, BM25_OPTIONS, 'icl-eval: bm25')
  const { name = 'bm25', k1 = 1.2, b = 0.75, order = 'best-last' } = options
  if (!(k1 >= 0) || !(b >= 0 && b <= 1)) {
    throw new RangeError(`icl-eval: ${name} needs k1 >= 0 and b in 0..1, got k1 ${k1} and b ${b}`)
  }
  const corpora = new WeakMap<SelectionContext['pool'], Corpus>()
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: true,
    needs: [],
    select(context, k) {
      const positions = eligible(context, k, name)
      const corpus =
        corpora.get(context.pool) ?? corpusOf(context.pool.map(({ question }) => wordsOf(question)))
      corpora.set(context.pool, corpus)
      const scores = scoresIn(corpus, wordsOf(context.query.question), { k1, b })
      return arrange(
        best(positions, (position) => scores[position]!, k),
        context.pool,
        order,
      )
    },
  }
}

/** The words of documents, counted once for all queries. */
interface Corpus {
  /** Words of each document. */
  readonly lengths: readonly number[]
  readonly meanLength: number
  /** Word -> documents that hold it, and how often. */
  readonly postings: ReadonlyMap<string, readonly { readonly document: number; readonly count: number }[]>
}

function corpusOf(documents: readonly (readonly string[])[]): Corpus {
  const postings = new Map<string, { document: number; count: number }[]>()
  documents.forEach((words, document) => {
    for (const [word, count] of countWords(words)) {
      const known = postings.get(word) ?? []
      known.push({ document, count })
      postings.set(word, known)
    }
  })
  const lengths = documents.map(({ length }) => length)
  return {
    lengths,
    meanLength: lengths.reduce((sum, length) => sum + length, 0) / lengths.length || 1,
    postings,
  }
}

interface Bm25Parameters {
  readonly k1: number
  readonly b: number
}

function scoresIn(
  { lengths, meanLength, postings }: Corpus,
  query: readonly string[],
  { k1, b }: Bm25Parameters,
): Float64Array {
  const scores = new Float64Array(lengths.length)
  for (const word of query) {
    const found = postings.get(word) ?? []
    const idf = Math.log(1 + (lengths.length - found.length + 0.5) / (found.length + 0.5))
    for (const { document, count } of found) {
      const norm = k1 * (1 - b + (b * lengths[document]!) / meanLength)
      scores[document]! += (idf * count * (k1 + 1)) / (count + norm)
    }
  }
  return scores
}

/** BM25 of each document for the query, both as words. */
export function bm25Scores(
  query: readonly string[],
  documents: readonly (readonly string[])[],
  parameters: Bm25Parameters,
): number[] {
  return Array.from(scoresIn(corpusOf(documents), query, parameters))
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

export const definition: SelectorDefinition<'order'> = {
  order: 60,
  summary: 'the questions that share most words (BM25)',
  takes: ['order'],
  requires: [],
  scope: 'library',
  baseline: true,
  create: bm25,
}
