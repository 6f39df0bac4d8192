import { InputError, isInputError, openJournal } from '@lever/durable-files'
import type { Answered, StaticSearch } from '@lever/icl-eval'
import type { VqaExample } from '@lever/vqa-dataset'
import type { VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import type { Option } from '../../options.ts'
import { number, text } from '../../options.ts'
import type { DatasetPlace } from '../inputs/dataset.ts'
import { openDataset, sampleExamples } from '../inputs/dataset.ts'
import type { Inputs } from '../inputs/inputs.ts'
import { officialScore } from '@lever/vqa-eval'

/** The options of the selector `static-best`. */
export const staticOptions: {
  readonly 'validation-dataset': Option<string | undefined>
  readonly 'static-sets': Option<number>
  readonly 'static-questions': Option<number>
} = {
  'validation-dataset': text(
    'folder of the dataset on which static-best is chosen, never the evaluated one',
    {
      shown: 'a part of the pool, by image',
    },
  ),
  'static-sets': number('random sets that static-best is the best of, for every number of shots', {
    default: 16,
    min: 1,
    whole: true,
  }),
  'static-questions': number('validation questions that a set is tried on', {
    default: 100,
    min: 1,
    whole: true,
  }),
}

export interface StaticSettings {
  readonly validationDataset: string | undefined
  readonly staticSets: number
  readonly staticQuestions: number
  readonly shots: readonly number[]
  readonly allowFallback: boolean
  readonly batchSize: number
  readonly seed: number
}

/** How the static sets were chosen, for the manifest. */
export interface StaticRecord {
  readonly split: string
  readonly questions: number
  /** R */
  readonly tried: number
  readonly sets: readonly {
    readonly shots: number
    readonly ids: readonly number[]
    readonly accuracy: number
  }[]
}

/**
 * What static sets are made of and chosen on: no image is shared between them, and none with the evaluated questions. No
 * set holds an example with the id of a question, which is never shown to it.
 */
export interface StaticPlan {
  readonly library: readonly VqaExample[]
  readonly questions: readonly VqaExample[]
  readonly split: string
  /** Hash of the validation dataset. */
  readonly data: string
}

/**
 * Splits off the questions on which static sets are chosen, at most half of a pool that they come from.
 * @throws InputError when that is the evaluated split, or when too little is left
 */
async function planStaticSets(
  { validationDataset, staticQuestions, shots, seed }: StaticSettings,
  { dataset, pool, queries }: Pick<Inputs, 'dataset' | 'pool' | 'queries'>,
  { progress }: Pick<Context, 'progress'>,
): Promise<StaticPlan> {
  const place: DatasetPlace = { dataset: validationDataset }
  const source = validationDataset === undefined ? pool : await openDataset(place, progress, '--validation-')
  if (validationDataset !== undefined && source.hash === dataset.hash) {
    throw new InputError(
      '--validation-dataset is the dataset that is evaluated: what is chosen on it is no test result; give another split',
    )
  }
  const evaluated = imagesOf(queries)
  const other = source.examples.filter((example) => !evaluated.has(imageOf(example)))
  const half = Math.ceil(other.length / 2)
  const most = validationDataset === undefined ? Math.min(staticQuestions, half) : staticQuestions
  const questions = await sampleExamples(other, most, seed)
  const asked = imagesOf(questions)
  const ids = new Set([...queries, ...questions].map(({ id }) => id))
  const library = pool.examples.filter(
    (example) => !evaluated.has(imageOf(example)) && !asked.has(imageOf(example)) && !ids.has(example.id),
  )
  if (questions.length === 0 || library.length < Math.max(...shots)) {
    throw new InputError(
      `static-best is chosen on questions about other images than the evaluated ones, from examples about still others with other ids; there are ${questions.length} and ${library.length}; give --validation-dataset and a larger --pool-dataset`,
    )
  }
  return { library, questions, split: source.split, data: source.hash }
}

/**
 * The plan where `static-best` is among the names; where only `all` asked for it and there is too little for it, the names
 * without it.
 * @throws InputError as `planStaticSets`
 */
export async function planNamed(
  names: readonly string[],
  settings: StaticSettings & { readonly selectors: readonly string[] },
  inputs: Pick<Inputs, 'dataset' | 'pool' | 'queries'>,
  context: Pick<Context, 'progress'>,
): Promise<{ readonly names: readonly string[]; readonly plan?: StaticPlan }> {
  const isStatic = (name: string): boolean => name.split(':').at(-1) === 'static-best'
  if (!names.some(isStatic)) return { names }
  try {
    return { names, plan: await planStaticSets(settings, inputs, context) }
  } catch (error) {
    if (!isInputError(error) || settings.selectors.some(isStatic)) throw error
    if (settings.validationDataset !== undefined) throw error
    context.progress.warn(`left out: ${error.message}`)
    return { names: names.filter((name) => !isStatic(name)) }
  }
}

/** The best of random sets on the validation questions. Its answers are kept in the journal too. */
export async function chooseStaticSets(
  { library, questions, split, data }: StaticPlan,
  { staticSets, shots, allowFallback, batchSize, seed }: StaticSettings,
  {
    model,
    journal: path,
    header,
    context,
  }: {
    readonly model: VqaModel
    /** Path of the journal of answers. */
    readonly journal: string
    readonly header: unknown
    readonly context: Context
  },
): Promise<{ readonly sets: StaticSearch['sets']; readonly record: StaticRecord }> {
  const { findStaticSets } = await import('@lever/icl-eval')
  const { answerWith } = await import('@lever/vqa-model')
  const { progress, signal } = context
  const journal = await openJournal<Answered>({ path, header, syncEvery: 1024 })
  const counts = shots.filter((count) => count > 0)
  const stage = progress.stage('static-best', {
    total: counts.length * staticSets * questions.length,
    unit: 'prompts',
  })
  try {
    const { sets, tried } = await findStaticSets({
      library,
      queries: questions,
      score: officialScore({ allowFallback }),
      shots: counts,
      candidates: staticSets,
      seed,
      answer: answerWith(model),
      journal,
      protocol: `${model.protocolHash} ${data}`,
      batchSize,
      signal,
      onProgress: ({ done }) => stage.update(done),
    })
    stage.end('')
    const best = counts.map((count) => ({ shots: count, ...tried.get(count)![0]! }))
    return { sets, record: { split, questions: questions.length, tried: staticSets, sets: best } }
  } finally {
    await journal.close()
  }
}

const imageOf = ({ imageId }: VqaExample): string => String(imageId)
const imagesOf = (examples: readonly VqaExample[]): Set<string> => new Set(examples.map(imageOf))
