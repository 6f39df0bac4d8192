import { InputError, openJournal, writeFilesAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import type { Answer, Answered, EvaluationRow, Selector, Summary } from '@lever/icl-eval'
import type { Pools } from '@lever/rl-generate'
import type { VqaExample } from '@lever/vqa-dataset'
import type { AnswerPrompts, VqaModel } from '@lever/vqa-model'
import { jsonLines } from '../../files.ts'
import type { Progress } from '../../progress.ts'
import { measureBounds } from './bounds.ts'
import type { Features } from '../inputs/features.ts'
import { pairsOf } from '../inputs/features.ts'
import { officialScore } from '@lever/vqa-eval'

export interface EvaluateAllOptions {
  readonly model: VqaModel
  readonly queries: readonly VqaExample[]
  readonly candidates: readonly VqaExample[]
  readonly pools: Pools
  /** Hash of the datasets: answers are kept by it and by the protocol. */
  readonly data: string
  readonly features: Features | undefined
  readonly selectors: readonly Selector[]
  /** Also measure the oracle, at 1 shot and more. */
  readonly oracle: boolean
  /** Also the worst of all that was measured; every single demonstration is measured for it. */
  readonly worst?: boolean
  /** Sequences measured per question for the oracle at 2 shots and more. */
  readonly oracleBudget?: number
  readonly shots: readonly number[]
  readonly seeds: readonly number[]
  /** Path of the journal of answers. */
  readonly journal: string
  /** Stop at an answer that failed. */
  readonly strict?: boolean
  readonly allowFallback?: boolean
  readonly batchSize: number
  readonly resamples?: number
  readonly seed: number
  readonly progress: Progress
  readonly signal: AbortSignal
}

export interface Evaluated {
  readonly rows: readonly EvaluationRow[]
  readonly summary: Summary
}

/** Lets every selector choose, asks the model once for every different prompt, scores and summarizes. */
export async function evaluateAll(options: EvaluateAllOptions): Promise<Evaluated> {
  const {
    model,
    queries,
    candidates,
    pools,
    features,
    selectors,
    data,
    shots,
    seeds,
    seed,
    progress,
    signal,
  } = options
  const { evaluateSelectors, lookUpEmbeddings, summarize } = await import('@lever/icl-eval')
  const { answerWith } = await import('@lever/vqa-model')
  const byId = new Map(candidates.map((example) => [example.id, example]))
  const examples = new Map(
    Array.from(pools.byQuery, ([query, pool]) => [query, pool.map((id) => byId.get(id)!)] as const),
  )
  const tables = Object.fromEntries(
    Object.entries(pairsOf(features)).map(([kind, pair]) => [
      kind,
      { queries: pair.queries, examples: pair.candidates },
    ]),
  )
  const journal = await openJournal<Answered>({
    path: options.journal,
    header: answersHeader(model, data),
    syncEvery: 1024,
  })
  try {
    const shared = {
      queries,
      pools: examples,
      score: officialScore({ allowFallback: options.allowFallback ?? false }),
      answer: strictly(answerWith(model), options.strict ?? true),
      journal,
      protocol: model.protocolHash,
      batchSize: options.batchSize,
      signal,
    }
    const asking = progress.stage('evaluate', { unit: 'prompts' })
    const { rows } = await evaluateSelectors({
      ...shared,
      selectors,
      shots,
      seeds,
      embeddings: lookUpEmbeddings(tables),
      onProgress: ({ done, total }) => {
        asking.expect(total)
        asking.update(done)
      },
    })
    asking.end('')
    const bounds = await measureBounds(
      {
        shots,
        oracle: options.oracle,
        worst: options.worst ?? false,
        oracleBudget: options.oracleBudget,
        progress,
      },
      shared,
      rows,
    )
    const all = [...rows, ...bounds.rows]
    const { resamples } = options
    const summary = summarize(all, {
      oracle: bounds.levels,
      seed,
      ...(resamples !== undefined && { resamples }),
    })
    return { rows: all, summary }
  } finally {
    await journal.close()
  }
}

/** The first line of the journal of answers: it holds those of one protocol on one pair of datasets. */
export function answersHeader({ protocolHash }: Pick<VqaModel, 'protocolHash'>, data: string): unknown {
  return { answers: 1, protocol: protocolHash, data }
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

function strictly(answer: AnswerPrompts, strict: boolean): Answer {
  return async (prompts, options) => {
    const answers = await answer(prompts, options)
    const wrong = strict ? answers.findIndex(({ error }) => error !== undefined) : -1
    if (wrong < 0) return answers
    throw new InputError(
      `question ${prompts[wrong]!.query.id} cannot be answered: ${answers[wrong]!.error!}; repair it, or go on without it by --no-strict`,
    )
  }
}
