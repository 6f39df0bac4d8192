import { InputError } from '@lever/durable-files'
import type { Chosen } from '../engine/open.ts'
import type { Failed } from '../engine/failure.ts'
import type { EngineQuery } from '../engine/query.ts'

/** Joins calls that wait at the same time into one. */
export interface Batcher {
  /** Questions that wait or are being worked on. */
  readonly waiting: number
  readonly batches: number
  ask(query: EngineQuery): Promise<Chosen>
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>
}

interface Waiting {
  readonly query: EngineQuery
  readonly resolve: (chosen: Chosen) => void
  readonly reject: (error: Error) => void
}

/**
 * One batch is with the thread at a time; whatever comes meanwhile is the next one, up to `most` questions. A question
 * that comes alone so waits for nothing, and a crowd shares its work.
 */
export function createBatcher(
  send: (queries: readonly EngineQuery[]) => Promise<readonly (Chosen | Failed)[]>,
  most: number,
): Batcher {
  const queue: Waiting[] = []
  let inWork = 0
  let batches = 0
  let working: Promise<void> | undefined

  async function work(): Promise<void> {
    await Promise.resolve()
    while (queue.length > 0) {
      const batch = queue.splice(0, most)
      inWork = batch.length
      batches += 1
      try {
        const results = await send(batch.map(({ query }) => query))
        batch.forEach(({ resolve, reject }, i) => {
          const result = results[i]!
          if ('error' in result) reject(errorOf(result))
          else resolve(result)
        })
      } catch (error) {
        for (const { reject } of batch) reject(error as Error)
      }
      inWork = 0
    }
    working = undefined
  }

  return {
    get waiting() {
      return queue.length + inWork
    },
    get batches() {
      return batches
    },
    ask: (query) =>
      new Promise((resolve, reject) => {
        queue.push({ query, resolve, reject })
        working ??= work()
      }),
    async idle() {
      await working
    },
  }
}

function errorOf({ error: { message, input } }: Failed): Error {
  return input ? new InputError(message) : new Error(message)
}
