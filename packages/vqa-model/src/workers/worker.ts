import { parentPort, workerData } from 'node:worker_threads'
import { isInputError } from '@lever/durable-files'
import { openLocalModel, type LocalModel } from '../onnx/local-model.ts'
import type { Ask, Reply, WorkerStart } from './messages.ts'

/** Entry of a worker thread: one model, requests one after another. */
const { options } = workerData as WorkerStart
const port = parentPort!

/** Milliseconds between two messages about the progress of a call. */
const PROGRESS_EVERY = 50

class Stopped extends Error {}

let model: LocalModel | undefined
let queue: Promise<void> = Promise.resolve()

port.on('message', (ask: Ask) => {
  queue = queue.then(() => serve(ask))
})

async function serve(ask: Ask): Promise<void> {
  const { id } = ask
  try {
    const value = await handle(ask)
    reply({ id, value, stats: model?.stats })
  } catch (error) {
    const { message, stack } = error as Error
    const plain = { message, stack, input: isInputError(error), stopped: error instanceof Stopped }
    reply({ id, error: plain, stats: model?.stats })
  }
  if (ask.name === 'close') port.close()
}

async function handle(ask: Ask): Promise<unknown> {
  switch (ask.name) {
    case 'open':
      model = await openLocalModel(options)
      return {
        name: model.name,
        protocol: model.protocol,
        abilities: model.abilities,
        needs: model.needs,
      }
    case 'images':
      return opened().encodeImages(ask.paths, checkOf(ask.stop))
    case 'answer':
      opened().putImages(ask.images)
      return opened().answer(ask.prompts, {
        check: checkOf(ask.stop),
        onProgress: progressOf(ask.id, ask.prompts.length),
        scoresOnly: ask.scoresOnly,
      })
    case 'close':
      return model?.close()
  }
}

/** Tells how many prompts of a call are done, now and then: a message for every answer costs more than some answers. */
function progressOf(id: number, all: number): (done: number) => void {
  let last = performance.now()
  return (progress) => {
    const now = performance.now()
    if (progress < all && now - last < PROGRESS_EVERY) return
    last = now
    reply({ id, progress })
  }
}

function checkOf(stop: Int32Array): () => void {
  return () => {
    if (Atomics.load(stop, 0) !== 0) throw new Stopped('stopped')
  }
}

function opened(): LocalModel {
  if (model === undefined) throw new Error('vqa-model: the worker has no model')
  return model
}

function reply(message: Reply): void {
  port.postMessage(message)
}
