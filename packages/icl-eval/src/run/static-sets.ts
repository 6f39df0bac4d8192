import { InputError, isInputError } from '@lever/durable-files'
import { createRandom } from '@lever/reward-utils'
import { pickOptions, refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { AskOptions } from '../ask.ts'
import type { Reporting } from '../progress.ts'
import { findStaticSets, STATIC_SEARCH_OPTIONS } from '../static-search.ts'
import type { StaticSearch, StaticSearchOptions } from '../static-search.ts'
import type { Example, ScoreFunction } from '../types.ts'
import { openAnswers } from './evaluate-all.ts'
import type { EvaluatedDataset, SearchedStaticRecord } from './records.ts'
import type { StaticReward } from './static-measured.ts'

/** How the selector `static` finds its sets. */
export interface StaticSettings {
  /** RL data of other questions: the set with the best main effects on it, in place of a search that asks the model. */
  readonly data?: readonly string[] | undefined
  /** What main effects are estimated from. Default the expected accuracy, where it was measured. */
  readonly reward?: StaticReward | undefined
  /** Opens the dataset on which sets are chosen, never the evaluated one. Default: a part of the pool, by image. */
  readonly validation?: (() => Promise<EvaluatedDataset>) | undefined
  /** R: random sets that the best one is chosen of, for every number of shots. Default 16. */
  readonly sets?: number
  /** Validation questions that a set is tried on. Default 100. */
  readonly questions?: number
}

const STATIC_SETTINGS: OptionNames<StaticSettings> = {
  ...{ data: true, reward: true, validation: true, sets: true, questions: true },
}

/** @throws InputError for a field that does not exist */
export function checkStatic(settings: StaticSettings | undefined): void {
  refuseUnknownOptions(settings, STATIC_SETTINGS, 'icl-eval: static')
}

/**
 * What static sets are made of and chosen on: they share no image with each other or with the evaluated questions. No
 * set holds an example with the id of a question, which is never shown to it.
 */
export interface StaticPlan {
  readonly library: readonly Example[]
  readonly questions: readonly Example[]
  readonly split: string
  /** Hash of the validation dataset. */
  readonly data: string
}

export interface StaticPlanOptions {
  readonly dataset: EvaluatedDataset
  readonly pool: EvaluatedDataset
  readonly queries: readonly Example[]
  readonly shots: readonly number[]
  readonly seed: number
  readonly static?: StaticSettings | undefined
}

/**
 * Splits off the questions on which static sets are chosen, at most half of a pool that they come from.
 * @throws InputError if that is the evaluated split, or if too little is left
 */
async function planStaticSets(options: StaticPlanOptions): Promise<StaticPlan> {
  const { dataset, pool, queries, shots, seed } = options
  const { validation, questions: count = 100 } = options.static ?? {}
  const source = validation === undefined ? pool : await validation()
  if (validation !== undefined && source.hash === dataset.hash) {
    throw new InputError(
      '--validation-dataset is the dataset that is evaluated: what is chosen on it is not a test result; give another split',
    )
  }
  const evaluated = imagesOf(queries)
  const other = source.examples.filter((example) => !evaluated.has(imageOf(example)))
  const most = validation === undefined ? Math.min(count, Math.ceil(other.length / 2)) : count
  const questions = sample(other, most, seed)
  const asked = imagesOf(questions)
  const ids = new Set([...queries, ...questions].map(({ id }) => id))
  const library = pool.examples.filter(
    (example) => !evaluated.has(imageOf(example)) && !asked.has(imageOf(example)) && !ids.has(example.id),
  )
  if (questions.length === 0 || library.length < Math.max(...shots)) {
    throw new InputError(
      `static is chosen on questions about other images than the evaluated ones, from examples about still others with other ids; there are ${questions.length} and ${library.length}; give --validation-dataset and a larger --pool-dataset`,
    )
  }
  return { library, questions, split: source.split, data: source.hash }
}

function sample(examples: readonly Example[], count: number, seed: number): readonly Example[] {
  if (count >= examples.length) return examples
  const chosen = new Set(createRandom(seed, 'queries').sample(examples, count))
  return examples.filter((example) => chosen.has(example))
}

/** Does this name stand for static sets, by itself or in another order? */
export const isStatic = (name: string): boolean => name.split(':').at(-1) === 'static'

/**
 * The plan where `static` is among the names; where only `all` or `baselines` asked for it and there is too little for it, the names
 * without it.
 * @throws InputError as `planStaticSets`
 */
export async function planNamed(
  names: readonly string[],
  asked: readonly string[],
  options: StaticPlanOptions & Reporting,
): Promise<{ readonly names: readonly string[]; readonly plan?: StaticPlan }> {
  if (!names.some(isStatic) || options.static?.data !== undefined) return { names }
  try {
    return { names, plan: await planStaticSets(options) }
  } catch (error) {
    if (!isInputError(error) || asked.some(isStatic)) throw error
    if (options.static?.validation !== undefined) throw error
    options.onWarning?.(`left out: ${error.message}`)
    return { names: names.filter((name) => !isStatic(name)) }
  }
}

export interface ChooseStaticOptions
  extends Omit<AskOptions, 'journal' | 'protocol' | 'onProgress'>, Reporting {
  readonly score: ScoreFunction
  readonly shots: readonly number[]
  readonly seed: number
  readonly static?: StaticSettings | undefined
  /** Path of the journal of answers. */
  readonly journal: string
  readonly protocol: string
  /** Hash of the datasets of the evaluation. */
  readonly data: string
}

/** The best of random sets on the validation questions. Its answers are kept in the journal too. */
export async function chooseStaticSets(
  { library, questions, split, data: validated }: StaticPlan,
  {
    static: settings = {},
    shots,
    seed,
    protocol,
    data,
    onProgress,
    journal: path,
    ...asking
  }: ChooseStaticOptions,
): Promise<{ readonly sets: StaticSearch['sets']; readonly record: SearchedStaticRecord }> {
  const { sets: candidates = 16 } = settings
  const counts = shots.filter((count) => count > 0)
  const total = counts.length * candidates * questions.length
  const report = (done: number, ended = false): void =>
    onProgress?.({ stage: 'static', done, total, unit: 'prompts', ended })
  const journal = await openAnswers(path, protocol, data)
  try {
    const { sets, tried } = await findStaticSets({
      ...pickOptions<Omit<StaticSearchOptions, keyof StaticSearchOptions & ('library' | 'queries')>>(
        asking,
        STATIC_SEARCH_OPTIONS,
      ),
      library,
      queries: questions,
      shots: counts,
      candidates,
      seed,
      journal,
      strict: false,
      protocol: `${protocol} ${validated}`,
      onProgress: ({ done }) => report(done),
    })
    report(total, true)
    const best = counts.map((count) => ({ shots: count, ...tried.get(count)![0]! }))
    return { sets, record: { split, questions: questions.length, tried: candidates, sets: best } }
  } finally {
    await journal.close()
  }
}

const imageOf = ({ imageId }: Example): string => String(imageId)
const imagesOf = (examples: readonly Example[]): Set<string> => new Set(examples.map(imageOf))
