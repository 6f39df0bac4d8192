import type { Answer } from '../measure/types.ts'
import type { Book } from './book.ts'
import type { QueueConnection, QueuedJob } from './connect.ts'
import type { QueueJob } from './job.ts'
import { checkResult, isWrong } from './schema.ts'

/** What a submitter knows of its jobs. */
export interface Desk {
  readonly connection: QueueConnection
  readonly run: string
  readonly book: Book
  /** jobs in the queue, by id */
  readonly submitted: Map<string, QueueJob>
  /** counts of the workers' models, added up */
  readonly stats: Map<string, number>
  /** how often a job came back with something that is not a result */
  readonly badResults: Map<string, number>
  /** jobs on their way back into the queue */
  readonly repeating: Set<string>
  readonly onNotice: (line: string) => void
}

/** Times that a job may come back with something that is no result. */
const MAX_BAD_RESULTS = 3

/** Puts a job into the queue. What fails here is tried again by the next sweep. */
export async function submitJob({ connection, submitted }: Desk, id: string, job: QueueJob): Promise<void> {
  submitted.set(id, job)
  const kept = { removeOnComplete: false, removeOnFail: false }
  await connection.jobs
    .add('measure', job, { jobId: id, attempts: 3, backoff: { type: 'fixed', delay: 1_000 }, ...kept })
    .catch(connection.trouble)
}

export async function removeJob({ connection, submitted }: Desk, id: string): Promise<void> {
  submitted.delete(id)
  await connection.jobs.remove(id).catch(() => 0)
}

/** Its prompts fail in this run, and a later run asks them again; the other jobs go on. */
async function giveUp(desk: Desk, id: string, why: string): Promise<void> {
  desk.onNotice(why)
  desk.book.giveUp(id, `rl-generate: ${why}`)
  await removeJob(desk, id)
}

/** Takes what a worker gave back, once it has turned out to be a result. */
export async function takeResult(
  desk: Desk,
  id: string,
  value: unknown,
  from: 'queue' | 'late',
): Promise<void> {
  const checked = checkResult(value, desk.submitted.get(id)?.prompts)
  if (isWrong(checked)) {
    if (from === 'queue' && desk.book.isUnanswered(id)) await repeat(desk, id, checked.wrong)
    return
  }
  const { answers, stats } = checked.value
  if (!settle(desk, id, answers, from)) return
  for (const [key, count] of Object.entries(stats)) desk.stats.set(key, (desk.stats.get(key) ?? 0) + count)
}

/** A job that is done: a result of one that the journal has is only compared. */
export async function takeCompleted(desk: Desk, id: string, value: unknown): Promise<void> {
  const isRecorded = !desk.book.has(id)
  await takeResult(desk, id, value, 'queue')
  if (isRecorded) await removeJob(desk, id)
}

/** Fetches a job that is said to have ended. */
export async function lookAt(desk: Desk, id: string): Promise<void> {
  const job = (await desk.connection.jobs.getJob(id)) as QueuedJob | undefined
  if (job === undefined) return
  const state = await job.getState()
  if (state === 'completed') await takeCompleted(desk, id, job.returnvalue)
  if (state !== 'failed') return
  const reason = job.failedReason || 'no reason'
  await giveUp(desk, id, `no worker could answer job ${id} of the queue: ${reason}`)
}

function settle(desk: Desk, id: string, answers: readonly Answer[], from: 'queue' | 'late'): boolean {
  try {
    return desk.book.settle(id, answers, from)
  } catch (error) {
    desk.onNotice((error as Error).message)
    return false
  }
}

/** Asks a job again whose result is none, or gives it up. */
async function repeat(desk: Desk, id: string, wrong: string): Promise<void> {
  const job = desk.submitted.get(id)
  if (job === undefined || desk.repeating.has(id)) return
  const times = (desk.badResults.get(id) ?? 0) + 1
  desk.badResults.set(id, times)
  const why = `job ${id} of the queue came back with something that is not a result (${wrong})`
  if (times >= MAX_BAD_RESULTS) {
    const remedy =
      'use one version of lever on all machines, and a queue (--queue-name) that nothing else writes to'
    await giveUp(desk, id, `${why}, ${times} times; ${remedy}`)
    return
  }
  desk.onNotice(`${why}; it is asked again`)
  desk.repeating.add(id)
  try {
    await removeJob(desk, id)
    await submitJob(desk, id, job)
  } finally {
    desk.repeating.delete(id)
  }
}
