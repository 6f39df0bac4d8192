import { access } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { InputError } from '@lever/durable-files'
import type { QueuePrompt, WorkerReport } from '@lever/rl-generate/queue'
import type { VqaAnswer, VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import type { ModelChoice } from '../model/model.ts'
import { openModels } from '../model/models.ts'

export interface WorkerSettings extends ModelChoice {
  readonly queue: string
  readonly queueName: string
  /** Image folders of this machine. */
  readonly images: readonly string[]
  readonly idleSeconds: number | undefined
  readonly lockSeconds: number
}

/** Answers jobs of a queue until it is interrupted, or was idle for long enough. */
export async function runWorker(
  settings: WorkerSettings,
  { progress, signal, emit }: Context,
): Promise<WorkerReport> {
  const { queue, queueName, images, idleSeconds, lockSeconds } = settings
  const { device, workers = 1 } = settings
  const { protocolOf } = await import('@lever/rl-generate')
  const { runQueueWorker } = await import('@lever/rl-generate/queue')
  const copies = settings.backend === 'onnx' ? workers : undefined
  const { model } = await openModels({ ...settings, workers: copies }, progress)
  const stage = progress.stage('worker', { unit: 'prompts' })
  try {
    const report = await runQueueWorker({
      url: queue,
      name: queueName,
      protocol: protocolOf(model),
      concurrency: (device?.split(',').length ?? 1) * workers,
      lockMs: 1_000 * lockSeconds,
      ...(idleSeconds !== undefined && { idleMs: 1_000 * idleSeconds }),
      answer: answerOn(model, images),
      stats() {
        const { imageEncodes, imageCacheHits, prefillTokens, decodeSteps } = model.stats()
        return { imageEncodes, imageCacheHits, prefillTokens, decodeSteps }
      },
      signal,
      onNotice: (line) => progress.warn(line),
      onReady: (place) =>
        progress.info(`protocol ${model.protocolHash.slice(0, 12)}, waiting for jobs of ${place}`),
      onJob(done) {
        stage.update(done.prompts, `${done.jobs} jobs`)
        emit?.({ event: 'job', ...done })
      },
    })
    stage.end(`${report.jobs} jobs`)
    return report
  } finally {
    await model.close()
  }
}

type Answer = (prompts: readonly QueuePrompt[], options: { signal: AbortSignal }) => Promise<VqaAnswer[]>

/** @throws InputError for an image that is not on this machine: then another worker must answer */
function answerOn(model: VqaModel, folders: readonly string[]): Answer {
  const found = new Map<string, string>()
  const here = async (path: string, id: number): Promise<string> => {
    const known = found.get(path)
    if (known !== undefined) return known
    for (const place of [...folders.map((folder) => join(folder, basename(path))), path]) {
      if (!(await isThere(place))) continue
      found.set(path, place)
      return place
    }
    throw new InputError(
      `the image ${path} of example ${id} is not on this machine${folders.length > 0 ? `, nor in ${folders.join(', ')}` : ''}; give its folder here with --images`,
    )
  }
  const placed = async <E extends { id: number; image: string }>(example: E): Promise<E> => ({
    ...example,
    image: await here(example.image, example.id),
  })
  return async (prompts, { signal }) => {
    const asked = []
    for (const { demonstrations, query, scoreAnswers = [] } of prompts) {
      const shown = await Promise.all(demonstrations.map(placed))
      asked.push({ demonstrations: shown, query: await placed(query), scoreAnswers })
    }
    return model.answer(asked, { signal })
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
