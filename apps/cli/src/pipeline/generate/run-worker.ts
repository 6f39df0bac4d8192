import type { WorkerReport } from '@lever/rl-generate/queue'
import type { Context } from '../../command.ts'
import type { ModelChoice } from '../model/model.ts'
import { openModel } from '../model/model.ts'
import { queueUrl } from './queue-url.ts'

export interface WorkerSettings extends ModelChoice {
  readonly queue: string | undefined
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
  const { workers = 1 } = settings
  const { protocolOf } = await import('@lever/rl-generate')
  const { runQueueWorker, withImages } = await import('@lever/rl-generate/queue')
  const url = await queueUrl(queue, progress)
  const model = await openModel(settings, progress)
  const copies = model.calls.sharesWork ? model.calls.concurrency : 1
  const stage = progress.stage('worker', { unit: 'prompts' })
  try {
    const report = await runQueueWorker({
      url,
      name: queueName,
      protocol: protocolOf(model),
      concurrency: copies * workers,
      lockMs: 1_000 * lockSeconds,
      ...(idleSeconds !== undefined && { idleMs: 1_000 * idleSeconds }),
      answer: withImages(images, (prompts, { signal, scoresOnly = false }) =>
        model.answer(prompts, { signal, scoresOnly }),
      ),
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
