import { Worker } from 'node:worker_threads'
import type { Runner, RunOptions, Value } from './runtime.ts'

/** What the thread that asks sends: values to run the graph on; undefined ends the worker. */
export interface WorkerRequest {
  readonly id: number
  readonly inputs: Readonly<Record<string, Value>>
  readonly outputs?: readonly string[]
}

type Values = Record<string, Value>

/** What the worker answers: `id` 0 is the loading of the graph. */
export type WorkerAnswer =
  { readonly id: number; readonly values: Values } | { readonly id: number; readonly error: string }

/**
 * Loads an encoded model in a worker thread, so that this thread stays alive while the graph computes. Inputs and
 * outputs are copied between the threads.
 * @throws Error as `loadModel` does.
 */
export async function loadInWorker(model: Uint8Array, options: RunOptions): Promise<Runner> {
  const worker = new Worker(new URL('../dist/worker.js', import.meta.url), { workerData: { model, options } })
  const waiting = new Map<number, { resolve: (values: Values) => void; reject: (error: Error) => void }>()
  const answerTo = (id: number): Promise<Values> =>
    new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
  let ended: Error | undefined
  const end = (error: Error): void => {
    ended ??= error
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }
  worker.on('message', (answer: WorkerAnswer) => {
    const promise = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) promise?.reject(new Error(answer.error))
    else promise?.resolve(answer.values)
  })
  worker.on('error', end)
  worker.on('exit', () => end(new Error('onnx-grad: the worker that ran the graph has ended')))
  try {
    await answerTo(0)
  } catch (error) {
    await worker.terminate()
    throw error
  }
  let last = 0
  return {
    async run(inputs, outputs) {
      if (ended !== undefined) throw ended
      const id = ++last
      const result = answerTo(id)
      worker.postMessage({ id, inputs, ...(outputs && { outputs }) } satisfies WorkerRequest)
      return result
    },
    async close() {
      worker.postMessage(undefined)
      await new Promise((resolve) => {
        if (ended === undefined) worker.once('exit', resolve)
        else resolve(undefined)
      })
    },
  }
}
