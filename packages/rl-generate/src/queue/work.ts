import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import type { QueueWorkerOptions, Station, WorkerReport } from './station.ts'
import { answerJob, QUEUE_WORKER_OPTIONS } from './station.ts'
import { connectQueue } from './connect.ts'
import { checkQueueName, DEFAULT_QUEUE } from './job.ts'
import { printableNotices } from './notices.ts'

export type { QueueWorkerOptions, WorkerReport }

/** How often a job may lose its worker before it counts as the job's own fault. */
const MAX_STALLS = 50

/**
 * Answers jobs of a queue until `signal`, or until there was none for `idleMs`. A job that cannot be
 * answered is tried three times in all, by whoever takes it, and then fails: its submitter is told.
 *
 * @throws what the third job failed with when none was answered before (InputError for jobs of
 * another protocol or version), and the tenth job in a row later on unless it is an InputError; the
 * job went back then; the reason of `signal`; as `connectQueue`
 */
export async function runQueueWorker(options: QueueWorkerOptions): Promise<WorkerReport> {
  refuseUnknownOptions(options, QUEUE_WORKER_OPTIONS, 'rl-generate: runQueueWorker')
  const { url, name = DEFAULT_QUEUE, concurrency = 1, lockMs = 30_000, idleMs = Infinity } = options
  const { signal, onReady = () => undefined } = options
  const onNotice = printableNotices(options.onNotice)
  checkQueueName(name)
  signal?.throwIfAborted()
  const connection = await connectQueue({ url, name, onNotice })
  const station: Station = {
    options,
    connection,
    report: { jobs: 0, prompts: 0, late: 0, returned: 0 },
    stop: new AbortController(),
    lost: new Set(),
    failed: new Set(),
    takeStats: statsSince(options.stats ?? (() => ({}))),
    extendLock: async (id, token) => (await worker.extendJobLocks([id], [token], lockMs)).length === 0,
    lockMs,
    onNotice,
    idleSince: performance.now(),
    busy: 0,
  }
  const { stop, report } = station
  const worker = connection.worker((job, token) => answerJob(station, job, token), {
    concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: MAX_STALLS,
    runRetryDelay: 1_000,
    autorun: false,
  })
  worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => station.lost.add(id)))
  worker.on('ready', () => connection.alive())
  const interrupt = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', interrupt, { once: true })
  const isIdle = (): boolean => station.busy === 0 && performance.now() - station.idleSince > idleMs
  const idle = setInterval(
    () => {
      if (worker.isRunning() && isIdle()) stop.abort(undefined)
    },
    Math.min(250, idleMs),
  )
  const ended = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  void worker.waitUntilReady().then(
    () => onReady(connection.label),
    () => undefined,
  )
  const running = worker.run().catch((error: unknown) => stop.abort(error))
  await ended
  clearInterval(idle)
  signal?.removeEventListener('abort', interrupt)
  await connection.close()
  await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 1_000).unref())])
  signal?.throwIfAborted()
  const { reason } = stop.signal as { reason: unknown }
  if (reason instanceof Error && reason.name !== 'AbortError') throw reason
  return report
}

/** What was added to counts since the call before. */
function statsSince(read: () => Readonly<Record<string, number>>): () => Record<string, number> {
  let before: Readonly<Record<string, number>> = read()
  return () => {
    const now = read()
    const added = Object.entries(now).map(([key, value]) => [key, value - (before[key] ?? 0)] as const)
    before = { ...now }
    return Object.fromEntries(added.filter(([, value]) => value > 0))
  }
}
