import { differences, InputError, isInputError } from '@lever/durable-files'
import type { MeasureAnswer } from '../measure/types.ts'
import type { QueuedJob } from './connect.ts'
import { connectQueue } from './connect.ts'
import type { QueueJob, QueueProtocol, QueuePrompt, QueueResult } from './job.ts'
import { checkQueueName, DEFAULT_QUEUE, JOB_VERSION } from './job.ts'

export interface QueueWorkerOptions {
  /** `redis://...` or `postgres://...` */
  url: string
  name?: string
  /** What this worker's model answers under. Jobs of another protocol are refused. */
  protocol: QueueProtocol
  /**
   * Answers prompts in order, without blocking the event loop, or the worker is taken for dead.
   * An error with code `LEVER_INPUT` says that the fault is this worker's: it ends, and the job
   * goes to another.
   */
  answer: (
    prompts: readonly QueuePrompt[],
    options: { signal: AbortSignal },
  ) => Promise<readonly MeasureAnswer[]>
  /** Counts of the model since it was opened. */
  stats?: () => Readonly<Record<string, number>>
  /** Jobs at a time. */
  concurrency?: number
  /** A worker that is silent for so long has lost its jobs to others, milliseconds. */
  lockMs?: number
  /** End after so long without a job, milliseconds. */
  idleMs?: number
  /** Gives the jobs in hand back and ends. */
  signal?: AbortSignal
  onNotice?: (line: string) => void
  /** Called once, when jobs can be taken; `place` is the URL without a password. */
  onReady?: (place: string) => void
  onJob?: (done: WorkerReport) => void
}

export interface WorkerReport {
  readonly jobs: number
  readonly prompts: number
  /** Jobs that another worker had taken over when they were done. */
  readonly late: number
  /** Jobs that went back unanswered. */
  readonly returned: number
}

/** How often a job may lose its worker before it counts as the job's own fault. */
const MOST_STALLS = 50

/**
 * Answers jobs of a queue until `signal`, or until there was none for `idleMs`.
 *
 * @throws InputError for a job of another protocol or version, and what `answer` throws with code
 * `LEVER_INPUT`, after the job went back; the reason of `signal`; as `connectQueue`
 */
export async function runQueueWorker(options: QueueWorkerOptions): Promise<WorkerReport> {
  const { url, name = DEFAULT_QUEUE, protocol, concurrency = 1, lockMs = 30_000, idleMs = Infinity } = options
  const { signal, onNotice = () => undefined, onReady = () => undefined, onJob = () => undefined } = options
  checkQueueName(name)
  signal?.throwIfAborted()
  const connection = await connectQueue({ url, name, onNotice })
  const report = { jobs: 0, prompts: 0, late: 0, returned: 0 }
  const stop = new AbortController()
  const end = (reason: unknown): void => stop.abort(reason)
  const stopped = (): boolean => stop.signal.aborted
  const lost = new Set<string>()
  const takeStats = statsSince(options.stats ?? (() => ({})))
  let idleSince = performance.now()
  let busy = 0

  const giveBack = async (job: QueuedJob, token: string): Promise<never> => {
    report.returned += 1
    if (!lost.has(job.id!)) await job.moveToWait(token)
    throw new connection.WaitingError()
  }

  const work = async (job: QueuedJob, token: string): Promise<QueueResult> => {
    const id = job.id!
    lost.delete(id)
    connection.alive()
    const refusal = stopped() ? undefined : refusalOf(job.data, protocol)
    if (refusal !== undefined) end(refusal)
    if (stopped()) return await giveBack(job, token)
    const started = performance.now()
    busy += 1
    let answers: readonly MeasureAnswer[]
    try {
      answers = await options.answer(job.data.prompts, { signal: stop.signal })
      checkCount(answers, job.data)
    } catch (error) {
      if (isInputError(error)) end(error)
      if (stopped()) return await giveBack(job, token)
      throw error
    } finally {
      busy -= 1
      idleSince = performance.now()
    }
    const result = { answers, stats: takeStats() }
    report.jobs += 1
    report.prompts += answers.length
    if (lost.has(id) || performance.now() - started > lockMs / 2) {
      const taken = await worker.extendJobLocks([id], [token], lockMs)
      if (taken.length > 0) {
        report.late += 1
        const late = { ...result, run: job.data.run, job: id }
        await connection.late.add('late', late, { removeOnComplete: true })
        onJob({ ...report })
        throw new connection.WaitingError()
      }
    }
    onJob({ ...report })
    return result
  }

  const worker = connection.worker(work, {
    concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: MOST_STALLS,
    runRetryDelay: 1_000,
    autorun: false,
  })
  worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => lost.add(id)))
  worker.on('ready', () => connection.alive())
  const interrupt = (): void => end(signal?.reason)
  signal?.addEventListener('abort', interrupt, { once: true })
  const idle = setInterval(
    () => {
      if (worker.isRunning() && performance.now() - idleSince > idleMs && busy === 0) end(undefined)
    },
    Math.min(250, idleMs),
  )
  const ended = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  void worker.waitUntilReady().then(
    () => onReady(connection.label),
    () => undefined,
  )
  const running = worker.run().catch(end)
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

function refusalOf(
  { version, protocol: wanted, from }: QueueJob,
  protocol: QueueProtocol,
): InputError | undefined {
  if (version !== JOB_VERSION) {
    return new InputError(
      `rl-generate: ${from} submits jobs of version ${version} and this worker reads version ${JOB_VERSION}; use one version of lever on all machines`,
    )
  }
  if (wanted.hash === protocol.hash) return undefined
  const unlike = differences(answering(wanted), answering(protocol))
  if (unlike.length === 0 && wanted['metric'] !== protocol['metric']) return undefined
  const told = unlike.slice(0, 5).join('; ')
  return new InputError(
    `rl-generate: the jobs of ${from} (there) are for another protocol than that of this worker (here): ${told || 'hash'}; start the worker with the model and the options of that run, or separate the two by --queue-name`,
  )
}

/** A protocol without what a worker has no part in: answers are scored, and hashes are made, where they are asked for. */
function answering(protocol: QueueProtocol): object {
  return { ...protocol, hash: '', metric: '' }
}

function checkCount(answers: readonly MeasureAnswer[], { prompts }: QueueJob): void {
  if (answers.length === prompts.length) return
  throw new Error(`rl-generate: the model gave ${answers.length} answers to ${prompts.length} prompts`)
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
