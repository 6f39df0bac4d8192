import { Worker } from 'node:worker_threads'
import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import type { TrainEvent, TrainOptions, TrainResult } from './types.ts'
import { TRAIN_OPTIONS } from './types.ts'

/** Options as they are handed to the worker. */
export type WorkerOptions = Omit<TrainOptions, 'signal'>

/** What the worker sends back. */
export type WorkerMessage =
  | { readonly event: TrainEvent }
  | { readonly result: TrainResult }
  | { readonly error: { name: string; message: string; stack: string | undefined; code: string | undefined } }

/**
 * `train` in a thread of its own, so that the caller's event loop stays alive. Same events, same
 * result, same files. `signal` stops it after the current chunk, with the state saved; leaving the
 * loop does so too.
 *
 * @throws as `train`
 */
export async function* trainInWorker(given: TrainOptions): AsyncGenerator<TrainEvent, TrainResult> {
  refuseUnknownOptions(given, TRAIN_OPTIONS, 'grpo-trainer: trainInWorker')
  const { signal, ...options } = given
  const worker = new Worker(new URL('../dist/worker.js', import.meta.url), { workerData: options })
  const received: WorkerMessage[] = []
  let wake: () => void = () => undefined
  const status: { failure?: Error; ended: boolean } = { ended: false }
  worker.on('message', (message: WorkerMessage) => {
    received.push(message)
    wake()
  })
  worker.on('error', (error) => {
    status.failure = error
    wake()
  })
  const exit = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      status.ended = true
      wake()
      resolve()
    })
  })
  const stop = (): void => worker.postMessage('stop')
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop)
  try {
    for (;;) {
      const message = received.shift()
      if (message === undefined) {
        if (status.failure !== undefined) throw status.failure
        if (status.ended) throw new Error('grpo-trainer: the worker ended without a result')
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      if ('result' in message) return message.result
      if ('error' in message) throw revive(message.error)
      yield message.event
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    if (!status.ended) stop()
    await exit
  }
}

function revive({
  name,
  message,
  stack,
  code,
}: {
  name: string
  message: string
  stack: string | undefined
  code: string | undefined
}): Error {
  const error = code === 'LEVER_INPUT' ? new InputError(message) : Object.assign(new Error(message), { name })
  if (stack !== undefined) error.stack = stack
  return error
}
