import { isOfRun } from './job.ts'
import { JOB_STATES } from './adopt.ts'
import { lookAt, removeJob, submitJob, takeResult, type Desk } from './desk.ts'
import { checkLate, isWrong } from './schema.ts'

/** Counts of the whole queue: processes and jobs of all generations. */
export interface QueueCounts {
  /** null where the server does not tell */
  readonly workers: number | null
  readonly waiting: number
  readonly active: number
}

/** Looks for what events may have missed: ended jobs, lost jobs, late results. */
export async function sweep(desk: Desk): Promise<QueueCounts> {
  const { connection, book, submitted } = desk
  const counts = await connection.jobs.getJobCounts('waiting', 'active')
  const workers = await connection.jobs.getWorkersCount().catch(() => null)
  connection.alive()
  for (const id of book.unanswered()) {
    const state = await connection.jobs.getJobState(id)
    const isLost = state === 'unknown' && book.isUnanswered(id) && !desk.repeating.has(id)
    const lost = isLost ? submitted.get(id) : undefined
    if (state === 'completed' || state === 'failed') await lookAt(desk, id)
    else if (lost !== undefined) await submitJob(desk, id, lost)
  }
  await takeLate(desk)
  return { workers, waiting: counts['waiting'] ?? 0, active: counts['active'] ?? 0 }
}

/** Results of other generations stay for their submitters; what is not a result goes. */
async function takeLate(desk: Desk): Promise<void> {
  const { late } = desk.connection
  for (const found of await late.getJobs(['waiting'])) {
    const id = (found as typeof found | undefined)?.id
    if (id === undefined) continue
    const checked = checkLate(found.data)
    if (!isWrong(checked) && checked.value.run !== desk.run) continue
    if (!isWrong(checked)) await takeResult(desk, checked.value.job, checked.value, 'late')
    await late.remove(id).catch(() => 0)
  }
}

/** Removes what is left of a generation that is complete. */
export async function clearRun(desk: Desk): Promise<void> {
  await sweep(desk)
  for (const job of await desk.connection.jobs.getJobs([...JOB_STATES])) {
    const id = (job as typeof job | undefined)?.id
    if (isOfRun(id, desk.run)) await removeJob(desk, id)
  }
}
