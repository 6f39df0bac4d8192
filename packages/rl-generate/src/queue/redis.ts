import { InputError } from '@lever/durable-files'
import type { Redis, RedisOptions } from 'ioredis'
import { CONNECT_MS, reasonOf, requirePackage, type Backend } from './backend.ts'

/** @throws InputError if ioredis is missing or the server does not answer */
export async function connectRedis({ url, label }: { url: string; label: string }): Promise<Backend> {
  const library = await requirePackage<{ Redis: new (url: string, options: RedisOptions) => Redis }>(
    'ioredis',
    () => import('ioredis'),
  )
  let ready = false
  const client = new library.Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (ready ? Math.min(100 * times, 2_000) : null),
  })
  let why: unknown
  client.on('error', (error: Error) => (why = error))
  try {
    await client.connect()
    await client.ping()
    ready = true
  } catch (error) {
    if (client.status !== 'end') client.disconnect()
    const reason = reasonOf(why ?? error)
    const problem = /WRONGPASS|NOAUTH|NOPERM/.test(reason)
      ? `lets nobody in by this URL (${reason}); check its user and password`
      : `does not answer (${reason}); start the server, or check the URL`
    throw new InputError(`rl-generate: the queue at ${label} ${problem}`, { cause: error })
  }
  return {
    connection: client,
    factory: undefined,
    durable: await isDurable(client),
    close() {
      client.disconnect()
      return Promise.resolve()
    },
  }
}

async function isDurable(client: Redis): Promise<boolean | undefined> {
  const settings = await client.config('GET', 'appendonly').catch(() => undefined)
  return Array.isArray(settings) ? settings[1] === 'yes' : undefined
}
