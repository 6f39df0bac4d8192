import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AnswerFunction, MeasureAnswer, MeasurePrompt } from '../measure/types.ts'
import type { Example } from '../types.ts'
import type { Book } from './book.ts'
import { createBook } from './book.ts'
import type { QueueConnection } from './connect.ts'
import { connectQueue } from './connect.ts'
import type { QueueJob, QueueProtocol, QueuePrompt, QueueResult } from './job.ts'
import { checkQueueName, DEFAULT_QUEUE, isOfRun, JOB_VERSION, jobId, queuePrompt } from './job.ts'

export interface SubmitOptions {
  /** `redis://...` or `postgres://...` */
  url: string
  /** Name of the queue that the workers read. */
  name?: string
  /** The generation; equal after an interruption, so that its jobs are found again. */
  run: string
  /** Who submits, for messages. */
  from: string
  protocol: QueueProtocol
  /** Answers to a question whose log-probabilities are wanted too. */
  scoreAnswers?: (query: Example) => readonly string[]
  /** How often what events may have missed is looked for, milliseconds. */
  sweepEvery?: number
  onNotice?: (line: string) => void
}

/** What the machines behind a queue are doing. */
export interface Fleet {
  /** Worker processes; null where the server does not tell. */
  readonly workers: number | null
  /** Jobs that nobody has taken, and those being answered, of all generations. */
  readonly waiting: number
  readonly active: number
  /** Prompts that two workers answered, and how many of them differently. */
  readonly repeated: number
  readonly disagreements: number
  /** Counts of the workers' models, added up. */
  readonly stats: Readonly<Record<string, number>>
}

/** Workers behind a queue, as the model of `measureRewards`. */
export interface AnswerQueue {
  readonly answer: AnswerFunction
  /** Prompts that were in the queue already, from before an interruption. */
  readonly adopted: number
  fleet(): Fleet
  /** Removes what is left of the generation, once it is complete. */
  clear(): Promise<void>
  close(): Promise<void>
}

const KEPT = ['waiting', 'active', 'delayed', 'prioritized', 'completed', 'failed'] as const

/**
 * Opens a queue that answers prompts. Jobs and their results stay in it until the journal has the
 * outcomes, so that neither end loses work when it is killed.
 *
 * @throws InputError as `connectQueue`
 */
export async function openAnswerQueue(options: SubmitOptions): Promise<AnswerQueue> {
  const { url, name = DEFAULT_QUEUE, run, protocol, sweepEvery = 3_000, onNotice = () => undefined } = options
  checkQueueName(name)
  const connection = await connectQueue({ url, name, onNotice })
  if (connection.durable === false) {
    onNotice(
      `the queue at ${connection.label} is not kept on disk (appendonly no): what is under way is measured again if it restarts`,
    )
  }
  const book = createBook()
  const submitted = new Map<string, QueueJob>()
  const stats = new Map<string, number>()
  const closed = new AbortController()
  const isClosed = (): boolean => closed.signal.aborted
  let fleet = { workers: null as number | null, waiting: 0, active: 0 }

  /** What fails is submitted again by the next sweep. */
  const submit = async (id: string, job: QueueJob): Promise<void> => {
    submitted.set(id, job)
    const kept = { removeOnComplete: false, removeOnFail: false }
    await connection.jobs
      .add('measure', job, {
        jobId: id,
        attempts: 3,
        backoff: { type: 'fixed', delay: 1_000 },
        ...kept,
      })
      .catch(connection.trouble)
  }
  const remove = async (id: string): Promise<void> => {
    submitted.delete(id)
    await connection.jobs.remove(id).catch(() => 0)
  }
  const failed = async (id: string, error: Error): Promise<void> => {
    book.fail(id, error)
    await remove(id)
  }
  const take = async (id: string, result: QueueResult, from: 'queue' | 'late'): Promise<void> => {
    try {
      if (!book.settle(id, result.answers, from)) return
    } catch (error) {
      if (book.isUnanswered(id)) await failed(id, error as Error)
      else onNotice((error as Error).message)
      return
    }
    for (const [key, value] of Object.entries(result.stats)) stats.set(key, (stats.get(key) ?? 0) + value)
  }
  const completed = async (id: string, result: QueueResult): Promise<void> => {
    const unknown = !book.has(id)
    await take(id, result, 'queue')
    if (unknown) await remove(id)
  }
  const look = async (id: string): Promise<void> => {
    const job = await connection.jobs.getJob(id)
    if (job?.failedReason && job.finishedOn) {
      const why = `rl-generate: no worker could answer a job of the queue: ${job.failedReason}`
      await failed(id, new Error(why))
    } else if (job?.returnvalue) await completed(id, job.returnvalue)
  }

  const adopted = await adopt(connection, run, book, submitted, onNotice)
  const events = connection.events()
  events.on('completed', ({ jobId: id, returnvalue }) => {
    if (!isOfRun(id, run)) return
    const result: unknown = returnvalue
    const told = typeof result === 'object' && result !== null
    void (told ? completed(id, result as QueueResult) : look(id)).catch(() => undefined)
  })
  events.on('failed', ({ jobId: id }) => void (isOfRun(id, run) && look(id).catch(() => undefined)))

  const sweep = async (): Promise<void> => {
    const counts = await connection.jobs.getJobCounts('waiting', 'active')
    const workers = await connection.jobs.getWorkersCount().catch(() => null)
    connection.alive()
    noticeWorkers(workers)
    fleet = { workers, waiting: counts['waiting'] ?? 0, active: counts['active'] ?? 0 }
    for (const id of book.unanswered()) {
      const state = await connection.jobs.getJobState(id)
      const lost = state === 'unknown' && book.isUnanswered(id) ? submitted.get(id) : undefined
      if (state === 'completed' || state === 'failed') await look(id)
      else if (lost !== undefined) await submit(id, lost)
    }
    for (const late of await connection.late.getJobs(['waiting'])) {
      if (late.data.run !== run) continue
      await take(late.data.job, late.data, 'late')
      await connection.late.remove(late.id!).catch(() => 0)
    }
  }
  let warned = false
  const noticeWorkers = (workers: number | null): void => {
    const alone = workers === 0 && book.unanswered().length > 0
    if (alone && !warned) {
      onNotice(`no worker reads the queue; start some: lever worker --queue ${connection.label} --model ...`)
    }
    warned = alone
  }
  const sweeping = (async () => {
    while (!isClosed()) {
      await sweep().catch(connection.trouble)
      await sleep(sweepEvery, undefined, { signal: closed.signal }).catch(() => undefined)
    }
  })()

  return {
    adopted,
    async answer(prompts: readonly MeasurePrompt[], { signal, recorded }) {
      signal.throwIfAborted()
      setMaxListeners(0, signal)
      const wanted = prompts.map((prompt) => queuePrompt(prompt, protocol.hash, options.scoreAnswers))
      const fresh = wanted.filter(({ key }) => book.find(key) === undefined)
      const sent = fresh.length === 0 ? undefined : open(fresh)
      const answers = Promise.all(wanted.map(({ key }) => book.find(key)!))
      const keys = wanted.map(({ key }) => key)
      void recorded.then(() => Promise.all(book.recorded(keys).map(remove)))
      return untilAborted(signal, sent === undefined ? answers : sent.then(() => answers))
    },
    fleet: () => ({ ...fleet, ...book.counts, stats: Object.fromEntries(stats) }),
    async clear() {
      const left = async (): Promise<void> => {
        await sweep()
        const jobs = await connection.jobs.getJobs([...KEPT])
        for (const { id } of jobs) if (isOfRun(id, run)) await remove(id)
      }
      await left().catch(connection.trouble)
    },
    async close() {
      closed.abort()
      await connection.close()
      await sweeping
    },
  }

  function open(prompts: readonly QueuePrompt[]): Promise<void> {
    const id = jobId(run, prompts)
    book.open(
      id,
      prompts.map(({ key }) => key),
    )
    return submit(id, { version: JOB_VERSION, run, from: options.from, protocol, prompts })
  }
}

/**
 * Finds the jobs of a generation that was interrupted; returns the number of their prompts. Jobs that failed, or whose
 * answers are of no use, are removed: their prompts are asked again.
 */
async function adopt(
  { jobs }: QueueConnection,
  run: string,
  book: Book,
  submitted: Map<string, QueueJob>,
  onNotice: (line: string) => void,
): Promise<number> {
  let prompts = 0
  for (const job of await jobs.getJobs([...KEPT])) {
    if (!isOfRun(job.id, run)) continue
    const result = job.returnvalue as QueueResult | null
    const broken =
      Array.isArray(result?.answers) && result.answers.some(({ error }: MeasureAnswer) => error !== undefined)
    if (job.failedReason || broken) {
      await jobs.remove(job.id).catch(() => 0)
      continue
    }
    const keys = job.data.prompts.map(({ key }) => key)
    book.open(job.id, keys)
    try {
      if (result !== null) book.settle(job.id, result.answers, 'queue')
    } catch (error) {
      book.fail(job.id, error as Error)
      await jobs.remove(job.id).catch(() => 0)
      onNotice(`${(error as Error).message}; it is asked again`)
      continue
    }
    submitted.set(job.id, job.data)
    prompts += keys.length
  }
  return prompts
}

async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
  })
  work.catch(() => undefined)
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
