import { Worker } from 'node:worker_threads'
import { InputError } from '@lever/durable-files'
import { emptyStats } from '../stats.ts'
import type { VqaModelStats } from '../types.ts'
import type { Reply, RequestName, Requests, WorkerStart } from './messages.ts'

/** One worker thread as an object with requests. */
export interface Thread {
  readonly stats: VqaModelStats
  ask<Name extends RequestName>(
    name: Name,
    ask: Requests[Name]['ask'],
    onProgress?: (done: number) => void,
  ): Promise<Requests[Name]['reply']>
  end(): Promise<void>
}

interface Waiting {
  resolve: (value: never) => void
  reject: (error: Error) => void
  onProgress: ((done: number) => void) | undefined
}

/** Marks a request that the stop flag ended. */
export class StoppedError extends Error {}

/**
 * The compiled worker: beside this file in `dist`, also when this file runs from `src` (tests).
 */
const WORKER = new URL('./worker.js', import.meta.url.replace('/vqa-model/src/', '/vqa-model/dist/'))

/** Starts a worker thread. It keeps the process alive only while a request is open. */
export function startThread(start: WorkerStart, label: string): Thread {
  const worker = new Worker(WORKER, { workerData: start, name: label })
  const waiting = new Map<number, Waiting>()
  let stats = emptyStats()
  let count = 0
  let failure: Error | undefined
  let ended = false
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.unref()

  worker.on('message', (reply: Reply) => {
    const request = waiting.get(reply.id)
    if (request === undefined) return
    if ('progress' in reply) {
      request.onProgress?.(reply.progress)
      return
    }
    if (reply.stats !== undefined) stats = reply.stats
    settle(reply.id)
    if ('error' in reply) request.reject(revive(reply.error))
    else request.resolve(reply.value as never)
  })
  worker.on('error', (error) =>
    fail(new Error(`vqa-model: ${label} failed: ${error.message}`, { cause: error })),
  )
  worker.on('messageerror', (error) => fail(error))
  worker.on('exit', (code) =>
    fail(new Error(`vqa-model: ${label} ended with code ${code} before it replied`)),
  )

  function settle(id: number): void {
    waiting.delete(id)
    if (waiting.size === 0) worker.unref()
  }

  function fail(error: Error): void {
    failure ??= error
    for (const [id, { reject }] of waiting) {
      settle(id)
      reject(failure)
    }
  }

  return {
    get stats() {
      return stats
    },
    ask(name, ask, onProgress) {
      if (failure !== undefined) return Promise.reject(failure)
      const id = (count += 1)
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject, onProgress })
        worker.ref()
        worker.postMessage({ id, name, ...ask })
      })
    },
    async end() {
      if (ended) return
      ended = true
      if (failure === undefined) await this.ask('close', {}).catch(() => undefined)
      worker.ref()
      await exited
    },
  }
}

function revive({
  message,
  stack,
  input,
  stopped,
}: {
  message: string
  stack: string | undefined
  input: boolean
  stopped: boolean
}): Error {
  const error = stopped ? new StoppedError(message) : input ? new InputError(message) : new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
