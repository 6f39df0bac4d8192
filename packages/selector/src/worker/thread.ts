import { Worker } from 'node:worker_threads'
import { InputError } from '@lever/durable-files'
import type { PlainError, Reply, RequestName, Requests, WorkerStart } from './messages.ts'

/** The thread of a selector as an object with requests. */
export interface Thread {
  ask<Name extends RequestName>(name: Name, ask: Requests[Name]['ask']): Promise<Requests[Name]['reply']>
  end(): Promise<void>
}

interface Waiting {
  resolve: (value: never) => void
  reject: (error: Error) => void
}

/** The compiled worker: in `dist`, also when this file runs from `src` (tests). */
const WORKER = new URL('./worker.js', import.meta.url.replace('/selector/src/', '/selector/dist/'))

/** Starts the thread. It keeps the process alive only while a request is open. */
export function startThread(start: WorkerStart): Thread {
  const worker = new Worker(WORKER, { workerData: start, name: 'lever-selector', execArgv: [] })
  const waiting = new Map<number, Waiting>()
  let count = 0
  let failure: Error | undefined
  let ended: Promise<void> | undefined
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.unref()

  worker.on('message', (reply: Reply) => {
    const request = settle(reply.id)
    if ('error' in reply) request?.reject(revive(reply.error))
    else request?.resolve(reply.value as never)
  })
  worker.on('error', (error) =>
    fail(new Error(`selector: its thread failed: ${error.message}`, { cause: error })),
  )
  worker.on('messageerror', (error) => fail(error))
  worker.on('exit', (code) => fail(new Error(`selector: its thread ended with code ${code}`)))

  function settle(id: number): Waiting | undefined {
    const request = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) worker.unref()
    return request
  }

  function fail(error: Error): void {
    failure ??= error
    for (const id of [...waiting.keys()]) settle(id)?.reject(failure)
  }

  function ask<Name extends RequestName>(
    name: Name,
    given: Requests[Name]['ask'],
  ): Promise<Requests[Name]['reply']> {
    if (failure !== undefined) return Promise.reject(failure)
    const id = (count += 1)
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.ref()
      worker.postMessage({ id, name, ...given })
    })
  }

  async function finish(): Promise<void> {
    try {
      if (failure === undefined) await ask('close', {})
    } finally {
      worker.ref()
      await exited
    }
  }

  return { ask, end: () => (ended ??= finish()) }
}

function revive({ message, stack, input }: PlainError): Error {
  const error = input ? new InputError(message) : new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
