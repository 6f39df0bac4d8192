import { afterAll, beforeAll, expect, jest, test as anyTest } from '@jest/globals'
import { measureByQueue } from '../src/queue.ts'
import { startChild } from './children.ts'
import { hasPostgres, startPostgres, type PostgresServer } from './postgres.ts'
import { freshPath, sortedText, toyQueueOptions } from './scripted.ts'

// Where a process gets a few per cent of a core this takes over a minute (10 s at rest), and sometimes a worker seemed to
// miss a job (docs/cluster.md): tried again then.
jest.retryTimes(3, { logErrorsBeforeRetry: true })

const test = hasPostgres ? anyTest : anyTest.skip
if (!hasPostgres) console.warn('skipped: no initdb and postgres on this machine (apt-get install postgresql)')
let postgres: PostgresServer
beforeAll(async () => {
  if (hasPostgres) postgres = await startPostgres()
})
afterAll(() => (hasPostgres ? postgres.stop() : undefined))

test('PostgreSQL is a queue too: a killed worker and a killed submitter lose nothing', async () => {
  const { url } = postgres
  const [reference, path] = [freshPath(), freshPath()]
  const steady = startChild('queue-child.mjs', 'work', url, 1_000, 0)
  const whole = startChild('queue-child.mjs', 'submit', url, reference)
  await whole.said('done ')
  const [victim, first] = [
    startChild('queue-child.mjs', 'work', url, 1_000, 20),
    startChild('queue-child.mjs', 'submit', url, path),
  ]
  await victim.said('begin')
  victim.signal('SIGKILL')
  await first.said('outcomes', 5)
  first.signal('SIGKILL')
  await first.ended
  const second = startChild('queue-child.mjs', 'submit', url, path)
  const done = await second.said('done ')
  expect(JSON.parse(done.slice(5))).toMatchObject({ outcomes: 600, disagreements: 0 })
  expect(sortedText(path)).toBe(sortedText(reference))
  steady.signal('SIGINT')
  expect(await steady.ended).toBe(1)
})

anyTest('a PostgreSQL that does not answer is said without its password', async () => {
  const queue = { url: 'postgres://user:secret@127.0.0.1:1/x' }
  const run = measureByQueue({ ...toyQueueOptions(freshPath()), queue })
  await expect(run.next()).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringMatching(
      /queue at postgres:\/\/127\.0\.0\.1:1\/x does not answer \(ECONNREFUSED\)/,
    ) as unknown,
  })
})
