import { InputError } from '@lever/durable-files'
import { camel } from '../../names.ts'
import type { Option } from '../../options.ts'
import { number, text } from '../../options.ts'

export const QUEUE_NAME = 'lever'
export const JOB_SIZE = 64

/** The options that let the workers of a queue answer. */
export const queueOptions: {
  readonly queue: Option<string | undefined>
  readonly 'queue-name': Option<string | undefined>
  readonly 'job-size': Option<number | undefined>
} = {
  queue: text(
    'let lever worker processes answer, over redis://host:port or postgres://host/database; how the model runs (--device, --workers, --threads, --image-cache, --concurrency) is then said to them',
  ),
  'queue-name': text('name of the queue, to keep fleets apart', { shown: QUEUE_NAME }),
  'job-size': number('prompts of one job of the queue', { min: 1, whole: true, shown: String(JOB_SIZE) }),
}

/** What a submitter has no use for: its workers ask the model. */
const OF_WORKERS = ['device', 'workers', 'threads', 'image-cache', 'concurrency']
/** What nothing but a queue has a use for. */
const OF_QUEUES = ['queue-name', 'job-size']

/** @throws InputError for an option that was given and has no effect with, or without, `--queue` */
export function checkQueueOptions(options: Readonly<Record<string, unknown>>): void {
  const given = (option: string): boolean => options[camel(option)] !== undefined
  if (!given('queue')) {
    const alone = OF_QUEUES.find(given)
    if (alone === undefined) return
    throw new InputError(`--${alone} has no effect without --queue; give --queue, or leave it out`)
  }
  if (given('batch-size')) {
    throw new InputError('--batch-size has no effect with --queue, where a call is a job; give --job-size')
  }
  const theirs = OF_WORKERS.find(given)
  if (theirs === undefined) return
  throw new InputError(
    `--${theirs} has no effect with --queue, where lever worker processes run the model; give it to them`,
  )
}
