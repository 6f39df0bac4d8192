import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { AnswerFunction } from '../measure/types.ts'
import type { Example } from '../types.ts'
import { adoptJobs } from './adopt.ts'
import { createBook } from './book.ts'
import { connectQueue } from './connect.ts'
import { lookAt, removeJob, submitJob, takeCompleted, type Desk } from './desk.ts'
import type { QueueProtocol, QueuePrompt } from './job.ts'
import { printableNotices } from './notices.ts'
import { checkQueueName, DEFAULT_QUEUE, isOfRun, JOB_VERSION, jobId, queuePrompt } from './job.ts'
import { clearRun, sweep, type QueueCounts } from './sweep.ts'

/** The queue that prompts go to, and the protocol that its workers must have. */
export interface SubmitOptions {
  /** `redis://...` or `postgres://...` */
  url: string
  /** Name of the queue that the workers read. */
  name?: string
  /** The generation; equal after an interruption, so that its jobs are found again. */
  run: string
  /** Who submits, for messages. */
  from: string
  /** What the answers must be made under; a worker with another one refuses the jobs. */
  protocol: QueueProtocol
  /** Answers to a question whose log-probabilities are wanted too. */
  scoreAnswers?: (query: Example) => readonly string[]
  /** Nothing is to be decoded. */
  scoresOnly?: boolean
  /** How often what events may have missed is looked for, milliseconds. */
  sweepEvery?: number
  /** Receives one line when the queue goes away or comes back, and when a job is asked again. */
  onNotice?: (line: string) => void
}

export const SUBMIT_OPTIONS: OptionNames<SubmitOptions> = {
  url: true,
  name: true,
  run: true,
  from: true,
  protocol: true,
  scoreAnswers: true,
  scoresOnly: true,
  sweepEvery: true,
  onNotice: true,
}

/** What the machines behind a queue are doing. */
export interface Fleet extends QueueCounts {
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

/**
 * Opens a queue that answers prompts. Jobs and their results stay in it until the journal has the
 * outcomes, so that neither end loses work when it is killed. A job that no worker can answer, or
 * whose results are none, fails its prompts alone.
 *
 * @throws InputError as `connectQueue`
 */
export async function openAnswerQueue(options: SubmitOptions): Promise<AnswerQueue> {
  refuseUnknownOptions(options, SUBMIT_OPTIONS, 'rl-generate: openAnswerQueue')
  const { url, name = DEFAULT_QUEUE, run, sweepEvery = 3_000 } = options
  const onNotice = printableNotices(options.onNotice)
  checkQueueName(name)
  const connection = await connectQueue({ url, name, onNotice })
  if (connection.durable === false) {
    onNotice(
      `the queue at ${connection.label} is not kept on disk (appendonly no): what is under way is measured again if it restarts`,
    )
  }
  const desk: Desk = {
    connection,
    run,
    book: createBook(),
    submitted: new Map(),
    stats: new Map(),
    badResults: new Map(),
    repeating: new Set(),
    onNotice,
  }
  const adopted = await adoptJobs(desk)
  listen(desk)
  const sweeping = startSweeping(desk, sweepEvery)
  return {
    adopted,
    answer: answerFunction(desk, options),
    fleet: () => ({ ...sweeping.counts(), ...desk.book.counts, stats: Object.fromEntries(desk.stats) }),
    clear: () => clearRun(desk).catch(connection.trouble),
    async close() {
      sweeping.stop()
      await connection.close()
      await sweeping.ended
    },
  }
}

function answerFunction(
  desk: Desk,
  { run, from, protocol, scoreAnswers, scoresOnly = false }: SubmitOptions,
): AnswerFunction {
  const { book } = desk
  const open = (prompts: readonly QueuePrompt[]): Promise<void> => {
    const id = jobId(run, prompts)
    book.open(
      id,
      prompts.map(({ key }) => key),
    )
    return submitJob(desk, id, {
      ...{ version: JOB_VERSION, run, from, protocol, prompts },
      ...(scoresOnly && { scoresOnly }),
    })
  }
  return async (prompts, { signal, recorded }) => {
    signal.throwIfAborted()
    setMaxListeners(0, signal)
    const wanted = prompts.map((prompt) => queuePrompt(prompt, protocol.hash, scoreAnswers))
    const fresh = wanted.filter(({ key }) => book.find(key) === undefined)
    const sent = fresh.length === 0 ? undefined : open(fresh)
    const answers = Promise.all(wanted.map(({ key }) => book.find(key)!))
    const keys = wanted.map(({ key }) => key)
    void recorded.then(() => Promise.all(book.recorded(keys).map((id) => removeJob(desk, id))))
    return untilAborted(signal, sent === undefined ? answers : sent.then(() => answers))
  }
}

/** Jobs that end are taken when they do; what goes wrong here is found again by the next sweep. */
function listen(desk: Desk): void {
  const ignore = (): void => undefined
  const events = desk.connection.events()
  events.on('completed', ({ jobId: id, returnvalue }) => {
    if (!isOfRun(id, desk.run)) return
    const result: unknown = returnvalue
    const isTold = typeof result === 'object' && result !== null
    void (isTold ? takeCompleted(desk, id, result) : lookAt(desk, id)).catch(ignore)
  })
  events.on('failed', ({ jobId: id }) => void (isOfRun(id, desk.run) && lookAt(desk, id).catch(ignore)))
}

interface Sweeping {
  readonly counts: () => QueueCounts
  readonly stop: () => void
  readonly ended: Promise<void>
}

function startSweeping(desk: Desk, everyMs: number): Sweeping {
  const { connection, book, onNotice } = desk
  const closed = new AbortController()
  let counts: QueueCounts = { workers: null, waiting: 0, active: 0 }
  let isAlone = false
  const once = async (): Promise<void> => {
    counts = await sweep(desk)
    const wasAlone = isAlone
    isAlone = counts.workers === 0 && book.unanswered().length > 0
    if (isAlone && !wasAlone) {
      onNotice(`no worker reads the queue; start some: lever worker --queue ${connection.label} --model ...`)
    }
  }
  const loop = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      await once().catch(connection.trouble)
      await sleep(everyMs, undefined, { signal: closed.signal }).catch(() => undefined)
    }
  }
  return { counts: () => counts, stop: () => closed.abort(), ended: loop() }
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
