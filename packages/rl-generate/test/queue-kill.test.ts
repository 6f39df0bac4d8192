import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { startChild, type Child } from './children.ts'
import { hasRedis, redisTest as test, startRedis, type RedisServer } from './redis.ts'
import { freshPath, sortedText } from './scripted.ts'

const OUTCOMES = 600
const reference = freshPath()
let redis: RedisServer
const running = new Set<Child>()

const child = (...args: (string | number)[]): Child => {
  const one = startChild('queue-child.mjs', ...args)
  running.add(one)
  void one.ended.then(() => running.delete(one))
  return one
}
const submit = (journal: string): Child => child('submit', redis.url, journal)
const work = (lockMs = 500, answerMs = 20, ...rest: (string | number)[]): Child =>
  child('work', redis.url, lockMs, answerMs, ...rest)

interface Done {
  outcomes: number
  resumed: number
  measured: number
  repeated: number
  disagreements: number
}
const doneOf = async (one: Child): Promise<Done> => JSON.parse((await one.said('done ')).slice(5)) as Done

const outcomesOf = (from: Child): number =>
  Number(from.lines.findLast((line) => line.startsWith('outcomes'))?.slice(9) ?? 0)

async function until(from: Child, count: number): Promise<void> {
  while (outcomesOf(from) < count) await sleep(2)
}

beforeAll(async () => {
  if (!hasRedis) return
  redis = await startRedis()
  const [submitter, worker] = [submit(reference), work(1_000, 0)]
  expect(await doneOf(submitter)).toMatchObject({ outcomes: OUTCOMES, repeated: 0 })
  worker.signal('SIGINT')
  expect(await worker.ended).toBe(1)
})

afterAll(async () => {
  for (const one of running) one.signal('SIGKILL')
  if (hasRedis) await redis.kill()
})

test('kill -9 of workers, of the submitter and of Redis loses no outcome and changes no line', async () => {
  const path = freshPath()
  const random = createRandom(process.pid)
  let submitter = submit(path)
  let workers = [work(), work()]
  await until(submitter, 30 + random.int(60))
  workers[0]!.signal('SIGKILL')
  workers = [workers[1]!, work()]
  await until(submitter, 130 + random.int(60))
  submitter.signal('SIGKILL')
  const before = outcomesOf(submitter)
  submitter = submit(path)
  const [, resumed] = (await submitter.said('start')).split(' ')
  expect(Number(resumed)).toBeGreaterThanOrEqual(before)
  await until(submitter, 230 + random.int(60))
  await redis.kill()
  await sleep(200)
  await redis.start()
  await until(submitter, 330 + random.int(60))
  submitter.signal('SIGKILL')
  await redis.kill()
  await redis.start()
  submitter = submit(path)
  await until(submitter, 450)
  for (const one of workers) one.signal('SIGKILL')
  workers = [work(), work()]
  expect(await doneOf(submitter)).toMatchObject({ outcomes: OUTCOMES, disagreements: 0 })
  expect(await submitter.ended).toBe(0)
  expect(sortedText(path)).toBe(sortedText(reference))
  for (const one of workers) one.signal('SIGINT')
  for (const one of workers) expect(await one.ended).toBe(1)
})

test('a worker frozen for 5 s loses its job, wakes up and harms nothing; what it answers differently is counted', async () => {
  const path = freshPath()
  const frozen = work(500, 100, 'another machine', 1)
  const submitter = submit(path)
  await frozen.said('begin')
  frozen.signal('SIGSTOP')
  const other = work(500, 70)
  await sleep(5_000)
  // The lost job goes to the head of the line: by now the other worker has answered it.
  await until(submitter, OUTCOMES / 2)
  frozen.signal('SIGCONT')
  expect(await frozen.ended).toBe(1)
  const { outcomes, repeated, disagreements } = await doneOf(submitter)
  expect({ outcomes, repeated }).toEqual({ outcomes: OUTCOMES, repeated: 6 })
  expect(disagreements).toBeGreaterThan(0)
  expect(disagreements).toBeLessThanOrEqual(6)
  expect(sortedText(path)).toBe(sortedText(reference))
  other.signal('SIGINT')
  await other.ended
})
