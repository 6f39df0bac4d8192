import type { Example } from '../types.ts'
import { bm25 } from './bm25.ts'
import { copyNearest } from './copy-nearest.ts'
import { kMeansDiversity } from './k-means.ts'
import { majorityVote } from './majority-vote.ts'
import { mmices } from './mmices.ts'
import { mmr } from './mmr.ts'
import { oracle } from './oracle.ts'
import { pointer } from './pointer.ts'
import type { PointerOptions } from './pointer.ts'
import { random } from './random.ts'
import { reversed } from './reversed.ts'
import { shuffled } from './shuffled.ts'
import { similarityBoth } from './similarity-both.ts'
import { similarityImage } from './similarity-image.ts'
import { similarityText } from './similarity-text.ts'
import { staticSet } from './static-set.ts'
import type { Measured, Order, Selector } from './types.ts'
import { worst } from './worst.ts'
import { zeroShot } from './zero-shot.ts'

/** The names of the selectors, in the order in which tables list them. */
export const SELECTOR_NAMES = [
  'zero-shot',
  'majority-vote',
  'copy-nearest',
  'random',
  'static-best',
  'bm25',
  'similarity-image',
  'similarity-text',
  'similarity-both',
  'mmices',
  'mmr',
  'k-means',
  'pointer',
  'reversed',
  'shuffled',
  'worst',
  'oracle',
] as const

export type SelectorName = (typeof SELECTOR_NAMES)[number]

/** What a selector may be made of; each entry of the table says which of these it requires. */
export interface SelectorOptions {
  readonly name?: string
  readonly order?: Order
  readonly keep?: number
  readonly lambda?: number
  readonly select?: PointerOptions['select']
  readonly selectMany?: NonNullable<PointerOptions['selectMany']>
  readonly of?: Selector
  readonly measured?: Measured
  readonly sets?: readonly (readonly Example[])[]
}

export interface SelectorDefinition {
  /** One line for help texts and reports. */
  readonly summary: string
  /** Options without which it cannot be made. */
  readonly requires: readonly ('select' | 'of' | 'measured' | 'sets')[]
  readonly create: (options: SelectorOptions) => Selector
}

/** The selectors: a name above, an entry here and a file beside it make one. */
export const SELECTORS: Readonly<Record<SelectorName, SelectorDefinition>> = {
  'zero-shot': { summary: 'no demonstrations', requires: [], create: zeroShot },
  'majority-vote': {
    summary: 'the most frequent answer of the pool; no model',
    requires: [],
    create: majorityVote,
  },
  'copy-nearest': {
    summary: 'the answer of the most similar examples; no model',
    requires: [],
    create: copyNearest,
  },
  random: { summary: 'random examples, once per seed', requires: [], create: random },
  'static-best': {
    summary: 'one set for all queries, the best of many on validation questions',
    requires: ['sets'],
    create: (options) => staticSet({ ...options, sets: options.sets! }),
  },
  bm25: { summary: 'the questions that share most words (BM25)', requires: [], create: bm25 },
  'similarity-image': { summary: 'the most similar images', requires: [], create: similarityImage },
  'similarity-text': { summary: 'the most similar questions', requires: [], create: similarityText },
  'similarity-both': {
    summary: 'the most similar images and questions',
    requires: [],
    create: similarityBoth,
  },
  mmices: { summary: 'filter by image, rank by question', requires: [], create: mmices },
  mmr: { summary: 'similar to the query, different from one another', requires: [], create: mmr },
  'k-means': { summary: 'one example of each of k groups', requires: [], create: kMeansDiversity },
  pointer: {
    summary: 'a trained policy',
    requires: ['select'],
    create: (options) => pointer({ ...options, select: options.select! }),
  },
  reversed: {
    summary: 'another selector in reverse order',
    requires: ['of'],
    create: (options) => reversed({ ...options, of: options.of! }),
  },
  shuffled: {
    summary: 'another selector in random order, once per seed',
    requires: ['of'],
    create: (options) => shuffled({ ...options, of: options.of! }),
  },
  worst: {
    summary: 'the worst measured pointer',
    requires: ['measured'],
    create: (options) => worst({ ...options, measured: options.measured! }),
  },
  oracle: {
    summary: 'the best measured pointer',
    requires: ['measured'],
    create: (options) => oracle({ ...options, measured: options.measured! }),
  },
}

/** Makes the selector of that name. Throws TypeError when a required option is missing. */
export function createSelector(name: SelectorName, options: SelectorOptions = {}): Selector {
  const definition = SELECTORS[name]
  for (const option of definition.requires) {
    if (options[option] === undefined) {
      throw new TypeError(`icl-eval: the selector ${name} needs the option ${option} (${definition.summary})`)
    }
  }
  return definition.create(options)
}
