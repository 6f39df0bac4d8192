import type { Option } from '../options.ts'
import { number, text } from '../options.ts'

/** The options that let the workers of a queue answer. */
export const queueOptions: {
  readonly queue: Option<string | undefined>
  readonly 'queue-name': Option<string>
  readonly 'job-size': Option<number>
} = {
  queue: text('let lever worker processes answer, over redis://host:port or postgres://host/database'),
  'queue-name': text('name of the queue, to keep fleets apart', { default: 'lever' }),
  'job-size': number('prompts of one job of the queue', { default: 64, min: 1, whole: true }),
}
