import { jsonLines, openJournal, writeFilesAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import { EVALUATE_OPTIONS, evaluateSelectors } from '../evaluate.ts'
import type { EvaluateOptions } from '../evaluate.ts'
import type { Reporting } from '../progress.ts'
import { summarizeBoth } from '../summary/expected.ts'
import type { Summary } from '../summary/types.ts'
import { swappedChoices } from '../selectors/swapped.ts'
import type { Answer, EvaluationRow } from '../types.ts'
import { measureBounds } from './bounds.ts'
import { addExpected, answerTogether, checkExpected } from './expected.ts'
import type { ExpectedMeasure } from './expected.ts'

/** An evaluation with its bounds, intervals and journal. */
export interface EvaluateAllOptions
  extends Omit<EvaluateOptions, 'journal' | 'protocol' | 'onProgress' | 'signal'>, Reporting {
  /** Path of the journal of answers. */
  readonly journal: string
  /** Hash of the protocol, by which answers are kept. */
  readonly protocol: string
  /** Hash of the datasets, by which answers are kept too. */
  readonly data: string
  /** Numbers of demonstrations; bounds are measured at 1 and more. */
  readonly shots: readonly number[]
  /**
   * Names of selectors whose choices are also shown to other queries, once for every seed, to split their gain into what
   * is gained for any query and what is chosen for the query. Each costs as many prompts again. Default none.
   */
  readonly split?: { readonly names: readonly string[]; readonly seeds: readonly number[] }
  /** Also measure the oracle, at 1 shot and more. */
  readonly oracle: boolean
  /** Also the worst of all that was measured; single demonstrations are measured for it until one scores 0. */
  readonly worst?: boolean
  /** Sequences measured per question for the oracle at 2 shots and more. Default 48. */
  readonly oracleBudget?: number
  /** Single demonstrations outside the pools up to which the oracle at 1 shot is over the library. Default 0. */
  readonly oracleLibrary?: number
  /** Also measure the expected accuracy of every row's prompt, where the model gives probabilities. */
  readonly expected?: ExpectedMeasure | undefined
  /** Bootstrap resamples of the intervals. Default 10,000. */
  readonly resamples?: number
  /** Seed of the intervals. Default 0. */
  readonly seed?: number
}

/** What all evaluations of a run have in common. */
type EvaluatedAlike = Omit<EvaluateOptions, 'journal' | 'onProgress' | 'shots'>

export const EVALUATE_ALL_OPTIONS: OptionNames<EvaluateAllOptions> = {
  oracleLibrary: true,
  journal: true,
  protocol: true,
  data: true,
  shots: true,
  split: true,
  oracle: true,
  worst: true,
  oracleBudget: true,
  expected: true,
  resamples: true,
  seed: true,
  answer: true,
  batchSize: true,
  concurrency: true,
  strict: true,
  queries: true,
  pools: true,
  library: true,
  score: true,
  selectors: true,
  seeds: true,
  embeddings: true,
  onProgress: true,
  onWarning: true,
  onNotice: true,
  signal: true,
}

/** Rows of an evaluation and their summary. */
export interface Evaluated {
  readonly rows: readonly EvaluationRow[]
  readonly summary: Summary
}

/**
 * Lets every selector choose, asks the model once for every different prompt, measures the bounds, scores and
 * summarizes. Answers are kept in the journal, so that an interrupted evaluation continues.
 *
 * @throws InputError if a question cannot be scored, or if an answer failed and `strict` is true
 */
export async function evaluateAll(options: EvaluateAllOptions): Promise<Evaluated> {
  refuseUnknownOptions(options, EVALUATE_ALL_OPTIONS, 'icl-eval: evaluateAll')
  checkExpected(options.expected)
  const {
    oracle,
    worst = false,
    oracleBudget,
    oracleLibrary,
    resamples,
    seed = 0,
    data,
    split,
    expected,
    onProgress,
    ...evaluation
  } = options
  const { shots } = options
  const { selectors, seeds, embeddings, ...shared } = pickOptions<EvaluatedAlike>(
    evaluation,
    EVALUATE_OPTIONS,
  )
  const journal = await openAnswers(options.journal, options.protocol, data)
  try {
    const asking = { ...shared, journal }
    let last = { done: 0, total: 0 }
    const { rows } = await evaluateSelectors({
      ...asking,
      answer: answerTogether(shared.answer, expected, { journal, protocol: options.protocol }),
      selectors,
      shots,
      ...(seeds && { seeds }),
      ...(embeddings && { embeddings }),
      onProgress: (progress) => {
        last = progress
        onProgress?.({ stage: 'evaluate', done: progress.done, total: progress.total, unit: 'prompts' })
      },
    })
    onProgress?.({ stage: 'evaluate', done: last.done, total: last.total, unit: 'prompts', ended: true })
    const swapped = split && (await evaluateSwapped({ ...asking, shots, selectors, split, onProgress }, rows))
    const chosen = [...rows, ...(swapped ?? [])]
    const bounds = await measureBounds({
      ...asking,
      shots,
      oracle,
      worst,
      known: chosen,
      ...(oracleBudget !== undefined && { budget: oracleBudget }),
      ...(oracleLibrary !== undefined && { librarySingles: oracleLibrary }),
      onProgress,
    })
    const measured = [...chosen, ...bounds.rows]
    const all =
      expected === undefined
        ? measured
        : await addExpected(measured, {
            ...asking,
            ...{ measure: expected, selectors, onProgress, onNotice: options.onNotice },
            protocol: options.protocol,
          })
    const summary = summarizeBoth(all, {
      oracle: bounds.levels,
      seed,
      ...(resamples !== undefined && { resamples }),
    })
    return { rows: all, summary }
  } finally {
    await journal.close()
  }
}

/** The rows of choices that are shown to other queries than they were made for. */
async function evaluateSwapped(
  {
    selectors,
    split: { names, seeds },
    onProgress,
    ...options
  }: Omit<EvaluateOptions, 'onProgress'> &
    Pick<Reporting, 'onProgress'> & { readonly split: NonNullable<EvaluateAllOptions['split']> },
  rows: readonly EvaluationRow[],
): Promise<readonly EvaluationRow[]> {
  const { queries } = options
  const swapped = selectors.flatMap((of) => {
    if (!names.includes(of.name) || seeds.length === 0 || queries.length < 2) return []
    const own = rows.filter(({ selector }) => selector === of.name)
    const choices = new Map<number, Map<number, readonly number[]>>()
    for (const { shots, query, demonstrations } of own) {
      choices.set(
        shots,
        (choices.get(shots) ?? new Map<number, readonly number[]>()).set(query, demonstrations),
      )
    }
    return [swappedChoices({ of, queries, choices })]
  })
  if (swapped.length === 0) return []
  let last = { done: 0, total: 0 }
  const tell = (ended: boolean): void =>
    onProgress?.({ stage: 'swapped', done: last.done, total: last.total, unit: 'prompts', ended })
  const { rows: found } = await evaluateSelectors({
    ...options,
    selectors: swapped,
    seeds,
    onProgress: (progress) => {
      last = progress
      tell(false)
    },
  })
  tell(true)
  return found
}

/** fsync after so many answers; a killed process loses none, a power cut these. */
const SYNC_EVERY_ANSWERS = 1024

/** The journal of answers of one protocol on one pair of datasets. */
export function openAnswers(
  path: string,
  protocol: string,
  data: string,
): ReturnType<typeof openJournal<Answer>> {
  return openJournal<Answer>({
    path,
    header: { answers: 1, protocol, data },
    syncEvery: SYNC_EVERY_ANSWERS,
  })
}

/** Writes `per-question.jsonl` and, last, `results.json`; `more` stands beside the summary in it. */
export async function saveEvaluation(
  run: RunDirectory,
  { rows, summary }: Evaluated,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await writeFilesAtomic([
    { path: run.file('per-question.jsonl'), data: jsonLines(rows) },
    { path: run.file('results.json'), data: `${JSON.stringify({ ...summary, ...more }, null, 2)}\n` },
  ])
}
