import type { MeasureOptions, MeasureStatistics } from '../src/index.ts'
import { measureByQueue, runQueueWorker } from '../src/queue.ts'
import type { QueueMeasureEvent, QueuePrompt, QueueWorkerOptions, WorkerReport } from '../src/queue.ts'
import { examples, freshPath, scriptedText, toyOptions, toyQueueOptions } from './scripted.ts'

export const { meta } = toyOptions('')

export const answer = (prompts: readonly QueuePrompt[]): Promise<{ text: string }[]> =>
  Promise.resolve(
    prompts.map(({ demonstrations, query }) => ({
      text: scriptedText({
        demonstrations: demonstrations.map(({ id }) => examples[id]!),
        query: examples[query.id]!,
      }),
    })),
  )

export const doneOf = (events: readonly QueueMeasureEvent[]): MeasureStatistics => {
  const last = events.at(-1)
  if (last?.type !== 'done') throw new Error('no done event')
  return last.statistics
}

export interface Started {
  readonly report: Promise<WorkerReport>
  readonly stop: () => Promise<unknown>
}

/** Both ends of a queue of one name, and what they told. */
export interface Fleet {
  readonly notices: string[]
  /** A whole run through the queue. */
  through(changes?: Partial<MeasureOptions>): Promise<QueueMeasureEvent[]>
  /** Starts a worker. */
  start(changes?: Partial<QueueWorkerOptions>): Started
}

export function createFleet(url: string, name: string): Fleet {
  const notices: string[] = []
  const onNotice = (line: string): void => void notices.push(line)
  return {
    notices,
    async through(changes = {}) {
      const options = toyQueueOptions(freshPath(), { concurrency: 8, progressEvery: 0, ...changes })
      const events: QueueMeasureEvent[] = []
      const queue = { url, name, sweepEvery: 100, onNotice }
      for await (const event of measureByQueue({ ...options, queue })) events.push(event)
      return events
    },
    start(changes = {}) {
      const interrupt = new AbortController()
      const { protocol } = meta
      const { signal } = interrupt
      const report = runQueueWorker({ url, name, protocol, signal, onNotice, answer, ...changes })
      report.catch(() => undefined)
      return {
        report,
        stop() {
          interrupt.abort(new Error('enough'))
          return report.catch(() => undefined)
        },
      }
    },
  }
}
