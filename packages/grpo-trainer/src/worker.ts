import { parentPort, workerData } from 'node:worker_threads'
import { train } from './train.ts'
import type { WorkerMessage, WorkerOptions } from './train-in-worker.ts'

const port = parentPort!
const controller = new AbortController()
port.on('message', () => controller.abort())

const send = (message: WorkerMessage): void => port.postMessage(message)

try {
  const training = train({ ...(workerData as WorkerOptions), signal: controller.signal })
  let next = await training.next()
  while (!next.done) {
    send({ event: next.value })
    next = await training.next()
  }
  send({ result: next.value })
} catch (error) {
  const { name, message, stack, code } = error as Error & { code?: string }
  send({ error: { name, message, stack, code } })
}
port.close()
