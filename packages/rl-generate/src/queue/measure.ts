import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { hashOf } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { measureHeader } from '../measure/header.ts'
import { measureRewards } from '../measure/measure.ts'
import type {
  AnswerFunction,
  Answer,
  MeasureEvent,
  MeasureOptions,
  ProgressEvent,
  StartEvent,
} from '../measure/types.ts'
import type { AnswerQueue, Fleet, SubmitOptions } from './submit.ts'
import { openAnswerQueue } from './submit.ts'

/** A measuring by the workers of a queue. */
export interface QueueMeasureOptions<A extends Answer = Answer> extends Omit<MeasureOptions<A>, 'answer'> {
  /** Where the workers are, and what they are asked for. */
  queue: Pick<SubmitOptions, 'url' | 'name' | 'sweepEvery' | 'onNotice' | 'scoreAnswers' | 'scoresOnly'>
}

export const QUEUE_MEASURE_OPTIONS: OptionNames<QueueMeasureOptions> = {
  queue: true,
  journal: true,
  batchSize: true,
  concurrency: true,
  strict: true,
  signal: true,
  queries: true,
  score: true,
  candidates: true,
  meta: true,
  shard: true,
  syncEvery: true,
  now: true,
  propose: true,
  plan: true,
  prefixes: true,
  proposalBatch: true,
  imageBudget: true,
  allowFallback: true,
  correctAbove: true,
  untilInformative: true,
  recheck: true,
  normalizeAnswer: true,
  progressEvery: true,
}

/** What happens while the workers of a queue measure, in order. */
export type QueueMeasureEvent =
  | Exclude<MeasureEvent, ProgressEvent | StartEvent>
  | (StartEvent & {
      /** Prompts found in the queue, from before an interruption. */ readonly adopted: number
    })
  | (ProgressEvent & { readonly fleet: Fleet })

/**
 * `measureRewards` with the workers of a queue as the model: `batchSize` prompts are a job, and
 * `concurrency` jobs are in the queue at a time. The journal stays the truth: what it holds is not
 * submitted, and a job's result leaves the queue once the journal has it. After an interruption
 * the same call takes up what the workers did meanwhile.
 *
 * @throws as `measureRewards` and `openAnswerQueue`; Error for a job that failed on three workers
 */
export async function* measureByQueue<A extends Answer = Answer>(
  given: QueueMeasureOptions<A>,
): AsyncGenerator<QueueMeasureEvent, void, undefined> {
  refuseUnknownOptions(given, QUEUE_MEASURE_OPTIONS, 'rl-generate: measureByQueue')
  const { queue: settings, ...options } = given
  const journal = resolve(options.journal)
  const queue = await openAnswerQueue({
    ...settings,
    run: hashOf({ journal, header: measureHeader(options) }).slice(0, 16),
    from: `${hostname()}:${journal}`,
    protocol: options.meta.protocol,
  })
  const answer = queue.answer as unknown as AnswerFunction<A>
  try {
    for await (const event of measureRewards({ ...options, answer })) {
      if (event.type === 'start') yield { ...event, adopted: queue.adopted }
      else if (event.type === 'progress') yield { ...event, fleet: queue.fleet() }
      else if (event.type === 'done') yield { ...event, statistics: await complete(queue, event.statistics) }
      else yield event
    }
  } finally {
    await queue.close()
  }
}

async function complete<S extends { repeated: number; disagreements: number }>(
  queue: AnswerQueue,
  statistics: S,
): Promise<S> {
  await queue.clear()
  const { repeated, disagreements } = queue.fleet()
  return {
    ...statistics,
    repeated: statistics.repeated + repeated,
    disagreements: statistics.disagreements + disagreements,
  }
}
