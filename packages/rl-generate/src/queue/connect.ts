import { InputError } from '@lever/durable-files'
import type { Job, Queue, QueueEvents, Worker, WorkerOptions } from 'bullmq'
import { reasonOf, requirePackage, type Backend, type BullMq } from './backend.ts'
import type { LateResult, QueueJob, QueueResult } from './job.ts'
import { lateQueue } from './job.ts'
import { connectPostgres } from './postgres.ts'
import { connectRedis } from './redis.ts'

export type JobQueue = Queue<QueueJob, QueueResult>
export type LateQueue = Queue<LateResult, unknown>
export type QueuedJob = Job<QueueJob, QueueResult>

export interface QueueConnection {
  /** The URL without user and password. */
  readonly label: string
  readonly durable: boolean | undefined
  readonly jobs: JobQueue
  readonly late: LateQueue
  readonly WaitingError: BullMq['WaitingError']
  readonly UnrecoverableError: BullMq['UnrecoverableError']
  events(): QueueEvents
  worker(
    work: (job: QueuedJob, token: string) => Promise<QueueResult>,
    options: Omit<WorkerOptions, 'connection'>,
  ): Worker<QueueJob, QueueResult>
  /** Says what went wrong, unless that was said. */
  readonly trouble: (error: unknown) => void
  /** Call it when the server has answered: a notice follows if it was away. */
  alive(): void
  close(): Promise<void>
}

export interface ConnectOptions {
  url: string
  name: string
  /** Receives one line when the server goes away or comes back. */
  onNotice: (line: string) => void
}

/** How long giving jobs back may take when the server is away, milliseconds. */
const CLOSE_MS = 10_000

/**
 * Opens the queue at a `redis://`, `rediss://` or `postgres://` URL.
 *
 * @throws InputError for another URL, a missing package (BullMQ and the driver are optional peers),
 * or a server that does not answer
 */
export async function connectQueue({ url, name, onNotice }: ConnectOptions): Promise<QueueConnection> {
  const label = labelOf(url)
  const open = BACKENDS.get(new URL(url).protocol)
  if (open === undefined) {
    throw new InputError(
      `rl-generate: ${label} is not a URL of a queue; give redis://host:port or postgres://host/database`,
    )
  }
  const bullmq = await requirePackage<BullMq>('bullmq', () => import('bullmq'))
  const backend = await open({ url, label, bullmq })
  const closing: (() => Promise<unknown>)[] = []
  let [away, closed, said] = [false, false, '']

  const trouble = (cause: unknown): void => {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    if (closed || isAboutLocks(error)) return
    if (!isAboutConnection(error)) {
      if (said !== error.message) onNotice(`the queue at ${label}: ${error.message}`)
      said = error.message
      return
    }
    if (!away) onNotice(`lost the queue at ${label} (${reasonOf(error)}); waiting for it`)
    away = true
  }
  const opened = <
    T extends { on(event: 'error', listener: (error: Error) => void): unknown; close(): Promise<unknown> },
  >(
    one: T,
  ): T => {
    one.on('error', trouble)
    closing.push(() => one.close())
    return one
  }
  const options = { connection: backend.connection as never }
  const factory = backend.factory as undefined
  const jobs: JobQueue = opened(new bullmq.Queue(name, options, factory))
  const late: LateQueue = opened(new bullmq.Queue(lateQueue(name), options, factory))
  return {
    label,
    durable: backend.durable,
    jobs,
    late,
    WaitingError: bullmq.WaitingError,
    UnrecoverableError: bullmq.UnrecoverableError,
    events: () => opened(new bullmq.QueueEvents(name, options, factory)),
    worker: (work, more) =>
      opened(
        new bullmq.Worker<QueueJob, QueueResult>(
          name,
          (job, token = '') => work(job, token),
          { ...options, ...more },
          factory,
        ),
      ),
    trouble,
    alive() {
      if (away) onNotice(`the queue at ${label} is back`)
      away = false
    },
    async close() {
      closed = true
      const last = closing.splice(0).reverse()
      await within(CLOSE_MS, Promise.allSettled(last.map((one) => one())))
      await within(CLOSE_MS, backend.close())
    },
  }
}

type OpenBackend = (options: { url: string; label: string; bullmq: BullMq }) => Promise<Backend>

const BACKENDS: ReadonlyMap<string, OpenBackend> = new Map([
  ['redis:', connectRedis],
  ['rediss:', connectRedis],
  ['postgres:', connectPostgres],
  ['postgresql:', connectPostgres],
])

function labelOf(text: string): string {
  try {
    const { protocol, host, pathname } = new URL(text)
    return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
  } catch {
    throw new InputError(`rl-generate: the queue has no valid URL; give redis://host:port`)
  }
}

function isAboutConnection(error: Error): boolean {
  const { code = '', message } = error as NodeJS.ErrnoException
  return /^(E[A-Z]+|57P0\d|08\d{3})$/.test(code) || /connection|LOADING|socket|ECONN/i.test(message)
}

/** What BullMQ says of a job that another worker has taken over: that is dealt with here. */
function isAboutLocks({ message }: Error): boolean {
  return /missing (lock|key) for job|could not renew lock|is not in the active state|lock mismatch/i.test(
    message,
  )
}

/** Waits for a promise, but not longer than so many milliseconds. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)))
  await Promise.race([promise.catch(() => undefined), late])
  clearTimeout(timer)
}
