import type { QueuedJob } from './connect.ts'
import type { Desk } from './desk.ts'
import { removeJob } from './desk.ts'
import { isOfRun, jobId, type QueueJob, type QueueResult } from './job.ts'
import { checkJob, checkResult, isWrong } from './schema.ts'

/** States in which a job of the queue can be found. */
export const JOB_STATES = ['waiting', 'active', 'delayed', 'prioritized', 'completed', 'failed'] as const

/**
 * Finds the jobs of a generation that was interrupted. Jobs that failed, and those that are none of ours or whose
 * results are of no use, are removed: their prompts are asked again.
 *
 * @returns the number of prompts found
 */
export async function adoptJobs(desk: Desk): Promise<number> {
  let prompts = 0
  for (const state of JOB_STATES) {
    for (const job of await desk.connection.jobs.getJobs([state])) {
      const id = (job as QueuedJob | undefined)?.id
      if (!isOfRun(id, desk.run)) continue
      const found = read(desk, id, job, state)
      if (typeof found === 'string') {
        if (found !== '') desk.onNotice(found)
        await removeJob(desk, id)
        continue
      }
      const { data, result } = found
      const keys = data.prompts.map(({ key }) => key)
      desk.book.open(id, keys)
      desk.submitted.set(id, data)
      if (result !== undefined) desk.book.settle(id, result.answers, 'queue')
      prompts += keys.length
    }
  }
  return prompts
}

/** @returns why the job is of no use; an empty text where there is nothing to tell */
function read(
  { run }: Desk,
  id: string,
  job: QueuedJob,
  state: (typeof JOB_STATES)[number],
): string | { data: QueueJob; result?: QueueResult } {
  const checked = checkJob(job.data)
  if (isWrong(checked))
    return `job ${id} of the queue is removed: it is not a job of lever (${checked.wrong})`
  const data = checked.value
  if (checked.otherVersion !== undefined || jobId(run, data.prompts) !== id) {
    return `job ${id} of the queue is removed: it is not a job of this version and run; its prompts are asked again`
  }
  if (state === 'failed') return ''
  if (state !== 'completed') return { data }
  const result = checkResult(job.returnvalue, data.prompts)
  if (isWrong(result)) {
    return `job ${id} of the queue came back with something that is not a result (${result.wrong}); it is asked again`
  }
  if (result.value.answers.some(({ error }) => error !== undefined)) return ''
  return { data, result: result.value }
}
