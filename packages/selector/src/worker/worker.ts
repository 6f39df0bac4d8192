import { parentPort, workerData } from 'node:worker_threads'
import { isInputError } from '@lever/durable-files'
import { openEngine, type Engine } from '../engine/open.ts'
import type { Ask, Reply, WorkerStart } from './messages.ts'

/** Entry of the thread of a selector: one bundle, requests one after another. */
const port = parentPort!
let engine: Engine | undefined
let queue: Promise<void> = Promise.resolve()

port.on('message', (ask: Ask) => {
  queue = queue.then(() => serve(ask))
})

async function serve(ask: Ask): Promise<void> {
  const reply = (message: Reply): void => port.postMessage(message)
  try {
    reply({ id: ask.id, value: await handle(ask) })
  } catch (error) {
    const { message, stack } = error as Error
    reply({ id: ask.id, error: { message, stack, input: isInputError(error) } })
  }
  if (ask.name === 'close') port.close()
}

async function handle(ask: Ask): Promise<unknown> {
  if (ask.name === 'open') {
    engine = await openEngine(workerData as WorkerStart)
    return { size: engine.size }
  }
  if (engine === undefined) throw new Error('selector: the thread has no bundle')
  switch (ask.name) {
    case 'select':
      return engine.select(ask.queries)
    case 'add':
      return { example: await engine.add(ask.example), size: engine.size }
    case 'remove':
      return { removed: await engine.remove(ask.exampleId), size: engine.size }
    case 'example':
      return engine.example(ask.exampleId)
    case 'list':
      return engine.list(ask.from, ask.count)
    case 'close':
      return engine.close()
  }
}
