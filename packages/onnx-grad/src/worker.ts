import { parentPort, workerData } from 'node:worker_threads'
import { loadModel } from './runtime.ts'
import type { RunOptions, Runner } from './runtime.ts'
import type { WorkerAnswer, WorkerRequest } from './worker-runner.ts'

const { model, options } = workerData as { model: Uint8Array; options: RunOptions }
const answer = (message: WorkerAnswer): void => parentPort!.postMessage(message)
const fail = (id: number, error: unknown): void =>
  answer({ id, error: error instanceof Error ? error.message : String(error) })

/** Loads the graph, then answers one request after the other. */
async function serve(): Promise<void> {
  let runner: Runner
  try {
    runner = await loadModel(model, options)
  } catch (error) {
    fail(0, error)
    return
  }
  let queue = Promise.resolve()
  const run = async ({ id, inputs, outputs }: WorkerRequest): Promise<void> => {
    try {
      answer({ id, values: await runner.run(inputs, outputs) })
    } catch (error) {
      fail(id, error)
    }
  }
  parentPort!.on('message', (request: WorkerRequest | undefined) => {
    queue = queue.then(() => (request === undefined ? end(runner) : run(request)))
  })
  answer({ id: 0, values: {} })
}

async function end(runner: Runner): Promise<void> {
  await runner.close()
  parentPort!.close()
}

await serve()
