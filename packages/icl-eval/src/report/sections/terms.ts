import { escapeHtml } from '../html.ts'

/** What the names of a table mean, for those that its reader may not know. */
const TERMS: Readonly<Record<string, string>> = {
  'zero-shot': 'no demonstrations',
  random: 'drawn at random from the pool of the question',
  'copy-nearest': 'the answer of the most similar example, without asking the model',
  'majority-vote': 'the commonest answer of the most similar examples, without asking the model',
  static: 'one fixed set for every question',
  agreement: 'a policy trained without the model, on whose answers agree with those of people',
  vote: 'the commonest of several one-shot answers of the model',
  bm25: 'the most similar questions by their words, over the whole library',
  'rices-image': 'the most similar images of the whole library',
  'rices-text': 'the most similar questions of the whole library',
  'rices-both': 'the most similar images and questions of the whole library',
  mmices: 'the most similar images, of these the most similar questions',
  mmr: 'similar, and different from one another (maximal marginal relevance)',
  'k-means': 'one example near the middle of each cluster of the library',
  oracle:
    'the best that measuring many choices with the right answers at hand could find: a bound, not a method',
  worst: 'the worst that measuring many choices could find',
}

/** The meaning of every selector that a table shows and a reader may not know, folded away. */
export function termsOf(names: readonly string[]): string {
  const shown = Array.from(new Set(names)).flatMap((name) => {
    const meaning = Object.hasOwn(TERMS, name) ? TERMS[name] : undefined
    return meaning === undefined ? [] : [`<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(meaning)}</dd>`]
  })
  if (shown.length === 0) return ''
  const pool =
    '<dt>pool:NAME</dt><dd>the same within the pool of the question, in place of the whole library</dd>'
  const own = names.some((name) => name.startsWith('pool:')) ? [pool] : []
  return `<details><summary>What the names mean</summary>\n<dl>${[...shown, ...own].join('')}</dl></details>`
}
