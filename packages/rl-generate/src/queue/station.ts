import { isInputError } from '@lever/durable-files'
import type { OptionNames } from '@lever/durable-files/known-options'
import type { Answer } from '../measure/types.ts'
import type { QueueConnection, QueuedJob } from './connect.ts'
import type { QueueJob, QueueProtocol, QueuePrompt, QueueResult } from './job.ts'
import { protocolRefusal, versionRefusal } from './refusal.ts'
import { checkJob, isWrong } from './schema.ts'

/** A worker: the queue, the model that answers, and how long it waits. */
export interface QueueWorkerOptions {
  /** `redis://...` or `postgres://...` */
  url: string
  /** Name of the queue. Default `lever`. */
  name?: string
  /** What this worker's model answers under. Jobs of another protocol are refused. */
  protocol: QueueProtocol
  /**
   * Answers prompts in order, without blocking the event loop, or the worker is taken for dead.
   * An error sends the whole job to another worker; at the last try (`isLastTry`) it is better to
   * fail the prompts that cannot be answered, and to answer the others. With `scoresOnly` nothing is to be decoded.
   */
  answer: (
    prompts: readonly QueuePrompt[],
    options: { signal: AbortSignal; isLastTry: boolean; scoresOnly?: boolean },
  ) => Promise<readonly Answer[]>
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
  /** Receives one line when the queue goes away or comes back, and when a job cannot be answered. */
  onNotice?: (line: string) => void
  /** Called once, when jobs can be taken; `place` is the URL without a password. */
  onReady?: (place: string) => void
  /** Called after every answered job with the counts since the worker began. */
  onJob?: (done: WorkerReport) => void
}

export const QUEUE_WORKER_OPTIONS: OptionNames<QueueWorkerOptions> = {
  url: true,
  name: true,
  protocol: true,
  answer: true,
  stats: true,
  concurrency: true,
  lockMs: true,
  idleMs: true,
  signal: true,
  onNotice: true,
  onReady: true,
  onJob: true,
}

/** What a worker did. */
export interface WorkerReport {
  readonly jobs: number
  readonly prompts: number
  /** Jobs that another worker had taken over when they were done. */
  readonly late: number
  /** Jobs that went back unanswered because this worker ended. */
  readonly returned: number
}

/** Tries of a job, whatever its submitter says. */
const MAX_TRIES = 3
/** A worker that fails at so many jobs before it answered one is at fault itself: its model or its images are not right. */
const MAX_FAILED_AT_START = 3
/** The same for jobs in a row later on, of errors that are not of the input: its device is gone. */
const MAX_FAILED_IN_A_ROW = 10

/** A worker and what it has done. */
export interface Station {
  readonly options: QueueWorkerOptions
  readonly connection: QueueConnection
  readonly report: { jobs: number; prompts: number; late: number; returned: number }
  readonly stop: AbortController
  /** jobs whose lock could not be renewed */
  readonly lost: Set<string>
  /** jobs that failed here first since the last one that was answered */
  readonly failed: Set<string>
  readonly takeStats: () => Record<string, number>
  readonly extendLock: (id: string, token: string) => Promise<boolean>
  readonly lockMs: number
  readonly onNotice: (line: string) => void
  idleSince: number
  busy: number
}

/** One try of a job. */
export async function answerJob(station: Station, job: QueuedJob, token: string): Promise<QueueResult> {
  const { connection, options } = station
  station.lost.delete(job.id!)
  connection.alive()
  if (hasEnded(station)) return giveBack(station, job, token)
  const checked = checkJob(job.data)
  if (checked.otherVersion !== undefined) {
    return failJob(station, job, token, versionRefusal(checked.otherVersion))
  }
  if (isWrong(checked)) {
    const why = `job ${job.id} of the queue is not a job of lever: ${checked.wrong}`
    station.onNotice(`${why}; it is given up`)
    throw new connection.UnrecoverableError(why)
  }
  const refusal = protocolRefusal(checked.value, options.protocol)
  if (refusal !== undefined) return failJob(station, job, token, refusal)
  const started = performance.now()
  station.busy += 1
  let answers: readonly Answer[]
  try {
    answers = await options.answer(checked.value.prompts, {
      signal: station.stop.signal,
      isLastTry: isLastTry(job),
      scoresOnly: checked.value.scoresOnly ?? false,
    })
    checkCount(answers, checked.value)
  } catch (error) {
    if (hasEnded(station)) return await giveBack(station, job, token)
    return await failJob(station, job, token, error)
  } finally {
    station.busy -= 1
    station.idleSince = performance.now()
  }
  station.failed.clear()
  station.report.jobs += 1
  station.report.prompts += answers.length
  const result = { answers, stats: station.takeStats() }
  const isSlow = performance.now() - started > station.lockMs / 2
  if (isSlow || station.lost.has(job.id!)) await sendIfLate(station, job, token, result)
  options.onJob?.({ ...station.report })
  return result
}

/** @throws always: BullMQ takes the job for neither answered nor failed */
async function giveBack(
  { report, lost, connection }: Station,
  job: QueuedJob,
  token: string,
): Promise<never> {
  report.returned += 1
  if (!lost.has(job.id!)) await job.moveToWait(token)
  throw new connection.WaitingError()
}

/**
 * Counts a try of a job, or ends this worker where the fault is its own.
 *
 * @throws always
 */
async function failJob(station: Station, job: QueuedJob, token: string, error: unknown): Promise<never> {
  const { failed, report, stop, connection, onNotice } = station
  if (job.attemptsMade === 0) failed.add(job.id!)
  const isOfInput = isInputError(error)
  const most = report.jobs === 0 ? MAX_FAILED_AT_START : isOfInput ? Infinity : MAX_FAILED_IN_A_ROW
  if (failed.size >= most) {
    stop.abort(error)
    return giveBack(station, job, token)
  }
  const message = error instanceof Error ? error.message : String(error)
  const next = isLastTry(job) ? 'it is given up' : 'it goes back to the queue'
  onNotice(`job ${job.id} of the queue could not be answered (${message}); ${next}`)
  throw isLastTry(job) ? new connection.UnrecoverableError(message) : error
}

function hasEnded({ stop }: Station): boolean {
  return stop.signal.aborted
}

function isLastTry({ attemptsMade }: QueuedJob): boolean {
  return attemptsMade + 1 >= MAX_TRIES
}

/** @throws WaitingError if another worker has the job by now: the result then goes to the late ones */
async function sendIfLate(
  station: Station,
  job: QueuedJob,
  token: string,
  result: QueueResult,
): Promise<void> {
  const { connection, report, options } = station
  if (await station.extendLock(job.id!, token)) return
  report.late += 1
  await connection.late.add(
    'late',
    { ...result, run: job.data.run, job: job.id! },
    { removeOnComplete: true },
  )
  options.onJob?.({ ...report })
  throw new connection.WaitingError()
}

function checkCount(answers: readonly Answer[], { prompts }: QueueJob): void {
  if (answers.length === prompts.length) return
  throw new Error(`rl-generate: the model gave ${answers.length} answers to ${prompts.length} prompts`)
}
