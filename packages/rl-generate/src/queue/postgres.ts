import { InputError } from '@lever/durable-files'
import { CONNECT_MS, reasonOf, requirePackage, type Backend, type BullMq } from './backend.ts'

/**
 * After a wait that failed, as where the server cannot be reached for a moment, a worker of BullMQ 6 waits on PostgreSQL
 * until a job is added, or for an hour; on Redis for 10 s at most, and so here.
 */
const MOST_WAIT_S = 10

/** @throws InputError if pg is missing or the server does not answer */
export async function connectPostgres({
  url,
  label,
  bullmq,
}: {
  url: string
  label: string
  bullmq: BullMq
}): Promise<Backend> {
  const driver: string = 'pg'
  await requirePackage(driver, () => import(driver))
  const connection = { connectionString: url, migrate: true, connectionTimeoutMillis: CONNECT_MS, max: 4 }
  const probe = new bullmq.PostgresConnection(connection)
  probe.on('error', () => undefined)
  try {
    await probe.waitUntilReady()
  } catch (error) {
    throw new InputError(
      `rl-generate: the queue at ${label} does not answer (${reasonOf(error)}); start the server, or check the URL`,
      { cause: error },
    )
  } finally {
    await probe.close().catch(() => undefined)
  }
  return {
    connection,
    factory: (...args: Parameters<BullMq['createPostgresBackend']>) =>
      Object.defineProperty(bullmq.createPostgresBackend(...args), 'maximumBlockTimeout', {
        value: MOST_WAIT_S,
      }),
    durable: true,
    close: () => Promise.resolve(),
  }
}
