import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import type { AskOptions, AskStats } from './ask.ts'
import { createAsker, ASK_OPTIONS } from './ask.ts'
import type { Example, ScoreFunction } from './types.ts'

/** A library, validation questions and the model that answers, to search sets with. */
export interface StaticSearchOptions extends AskOptions {
  /** Examples that a set may hold: the training split. */
  readonly library: readonly Example[]
  /** Questions of a validation split, never of the test split. Failed answers count as wrong. */
  readonly queries: readonly Example[]
  /** Scores an answer to a question, 0..1: `officialScore()` of `vqa-eval`. */
  readonly score: ScoreFunction
  /** Default 1, 2, 3, 4. */
  readonly shots?: readonly number[]
  /** Random sets tried per number of shots (R). Default 16. */
  readonly candidates?: number
  /** Seed of the random sets. Default 0. */
  readonly seed?: number
}

export const STATIC_SEARCH_OPTIONS: OptionNames<StaticSearchOptions> = {
  ...ASK_OPTIONS,
  library: true,
  queries: true,
  score: true,
  shots: true,
  candidates: true,
  seed: true,
}

/** The best sets found, and all that were tried. */
export interface StaticSearch {
  /** The best set per number of shots: the option `sets` of `staticSet`. */
  readonly sets: readonly (readonly Example[])[]
  /** What was tried, by number of shots: accuracy on the validation questions, best first. */
  readonly tried: ReadonlyMap<
    number,
    readonly { readonly ids: readonly number[]; readonly accuracy: number }[]
  >
  readonly prompts: AskStats
}

/**
 * The best of R random sets per number of shots, by accuracy on validation questions (random search as in DSPy's
 * BootstrapFewShotWithRandomSearch). Costs R x queries prompts per number of shots. A set never contains a query:
 * sets are drawn from the library without the queries.
 *
 * @throws RangeError if too few examples are left
 */
export async function findStaticSets(options: StaticSearchOptions): Promise<StaticSearch> {
  refuseUnknownOptions(options, STATIC_SEARCH_OPTIONS, 'icl-eval: findStaticSets')
  const { library, queries, score, shots = [1, 2, 3, 4], candidates = 16, seed = 0 } = options
  const asker = createAsker(pickOptions(options, ASK_OPTIONS))
  const queried = new Set(queries.map(({ id }) => id))
  const available = library.filter(({ id }) => !queried.has(id))
  const sets: Example[][] = []
  const tried = new Map<number, { ids: number[]; accuracy: number }[]>()
  for (const k of shots) {
    if (available.length < k) {
      throw new RangeError(
        `icl-eval: a static set of ${k} needs ${k} library examples that are no query; ` +
          `there are ${available.length}`,
      )
    }
    const drawn = Array.from({ length: candidates }, (_, r) =>
      createRandom(seed, 'static-set', k, r).sample(available, k),
    )
    const prompts = drawn.flatMap((demonstrations) => queries.map((query) => ({ demonstrations, query })))
    const answers = await asker.ask(prompts)
    const accuracies = drawn.map((_, r) => {
      const own = answers.slice(r * queries.length, (r + 1) * queries.length)
      const sum = own.reduce(
        (total, { text, error }, q) => total + (error === undefined ? score(text, queries[q]!).accuracy : 0),
        0,
      )
      return sum / queries.length
    })
    const order = drawn.map((_, r) => r).sort((a, b) => accuracies[b]! - accuracies[a]! || a - b)
    sets.push(drawn[order[0]!]!)
    tried.set(
      k,
      order.map((r) => ({ ids: drawn[r]!.map(({ id }) => id), accuracy: accuracies[r]! })),
    )
  }
  return { sets, tried, prompts: asker.stats() }
}
