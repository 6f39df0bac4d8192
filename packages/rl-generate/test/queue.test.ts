import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect } from '@jest/globals'
import { Redis } from 'ioredis'
import type { QueueWorkerOptions } from '../src/queue.ts'
import { answer, createFleet, doneOf, meta, type Fleet } from './queue-fleet.ts'
import { hasRedis, redisTest as test, startRedis, type RedisServer } from './redis.ts'
import { freshPath, measure, sortedText, toyOptions } from './scripted.ts'

let redis: RedisServer
let fleet: Fleet
let name = ''
let count = 0
beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
beforeEach(() => {
  if (!hasRedis) return
  name = `test-${(count += 1)}`
  fleet = createFleet(redis.url, name)
})
afterAll(() => (hasRedis ? redis.kill() : undefined))

const through: Fleet['through'] = (changes) => fleet.through(changes)
const start: Fleet['start'] = (changes) => fleet.start(changes)

describe('a queue', () => {
  const reference = freshPath()
  const whole = measure(toyOptions(reference))

  test('gives the lines of a run without one, asks nothing twice and is empty afterwards', async () => {
    await whole
    const asked: string[] = []
    const counting: QueueWorkerOptions['answer'] = (prompts) => {
      asked.push(...prompts.map(({ key }) => key))
      return answer(prompts)
    }
    const stats = (): Record<string, number> => ({ imageEncodes: 3 * asked.length, peak: 0 })
    const workers = [start({ answer: counting, concurrency: 2, stats }), start({ answer: counting })]
    const journal = freshPath()
    const events = await through({ journal })
    expect(sortedText(journal)).toBe(sortedText(reference))
    expect(asked).toHaveLength(240)
    expect(new Set(asked).size).toBe(240)
    expect(doneOf(events)).toMatchObject({ outcomes: 240, measured: 240, repeated: 0, disagreements: 0 })
    const progress = events.filter((event) => event.type === 'progress')
    expect(progress.some(({ fleet }) => fleet.workers === 2)).toBe(true)
    expect(progress.at(-1)!.fleet.stats['imageEncodes']).toBeGreaterThan(0)
    expect((await through({ journal }))[0]).toMatchObject({ resumed: 240, adopted: 0 })
    for (const { stop, report } of workers) {
      await stop()
      await expect(report).rejects.toThrow('enough')
    }
  })

  test('measures prefixes and further rounds too', async () => {
    const changes = { prefixes: [1, 2], untilInformative: { limit: 30 } }
    const [plain, queued] = [freshPath(), freshPath()]
    await measure(toyOptions(plain, changes))
    const { stop } = start()
    await through({ ...changes, journal: queued })
    await stop()
    expect(sortedText(queued)).toBe(sortedText(plain))
  })

  test('a worker of another protocol refuses, says what differs, and the job goes back', async () => {
    const other = start({ protocol: { hash: 'p2', model: 'else' } })
    const run = through({})
    await expect(other.report).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringMatching(
        /jobs of .*rl\.jsonl \(there\) are for another protocol .* model: nothing there, "else" here; start the worker with/,
      ) as unknown,
    })
    const { stop } = start()
    expect(doneOf(await run)).toMatchObject({ outcomes: 240, repeated: 0 })
    await stop()
  })

  test('a worker answers under any metric: what an answer scores is not its affair', async () => {
    const [here, there] = ['vqa-loo', 'aokvqa'].map((metric) => ({ hash: metric, model: 'toy', metric }))
    const { stop, report } = start({ protocol: here! })
    const events = await through({ meta: { ...meta, protocol: there! } })
    expect(doneOf(events)).toMatchObject({ outcomes: 240, repeated: 0 })
    await stop()
    await expect(report).rejects.toThrow('enough')
    const other = start({ protocol: { ...here!, model: 'else' } })
    const run = through({ meta: { ...meta, protocol: there! } })
    await expect(other.report).rejects.toThrow(/\(here\): model: "toy" there, "else" here; start/)
    const last = start({ protocol: here! })
    await run
    await last.stop()
  })

  test('a worker says that it is ready once it is connected, without the password', async () => {
    const ready: string[] = []
    const url = redis.url.replace('redis://', 'redis://default:secret@')
    const refused = start({ url: 'redis://127.0.0.1:1', onReady: (place) => ready.push(place) })
    await expect(refused.report).rejects.toThrow('ECONNREFUSED')
    expect(ready).toEqual([])
    const { report } = start({ url, idleMs: 300, onReady: (place) => ready.push(place) })
    await report
    expect(ready).toEqual([redis.url])
  })

  test('a worker whose own fault it is ends, and the job goes to another', async () => {
    const blind = start({
      answer: () => Promise.reject(Object.assign(new Error('no image here'), { code: 'LEVER_INPUT' })),
    })
    const run = through({})
    await expect(blind.report).rejects.toThrow('no image here')
    const { stop } = start()
    expect(doneOf(await run).outcomes).toBe(240)
    await stop()
  })

  test('Ctrl-C of a worker gives its job back at once', async () => {
    let [slow, taken] = [0, (): void => undefined]
    const first = new Promise<void>((resolve) => (taken = resolve))
    const stuck = start({
      answer(_, { signal }) {
        slow += 1
        taken()
        return new Promise((_done, fail) =>
          signal.addEventListener('abort', () => fail(signal.reason as Error)),
        )
      },
    })
    const run = through({})
    await first
    await stuck.stop()
    await expect(stuck.report).rejects.toThrow('enough')
    const started = performance.now()
    const { stop } = start()
    expect(doneOf(await run).outcomes).toBe(240)
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(slow).toBe(1)
    await stop()
  })

  test('after Ctrl-C of the submitter the workers go on, and the same call takes up what they did', async () => {
    const [journal, interrupt] = [freshPath(), new AbortController()]
    let asked = 0
    const { stop } = start({
      async answer(prompts) {
        asked += prompts.length
        if (asked > 60) interrupt.abort(new Error('interrupted by the user'))
        await sleep(5)
        return answer(prompts)
      },
    })
    await expect(through({ journal, signal: interrupt.signal })).rejects.toThrow('interrupted by the user')
    await sleep(300)
    const events = await through({ journal })
    expect(events[0]).toMatchObject({ type: 'start', adopted: expect.any(Number) as unknown })
    expect((events[0] as { adopted: number }).adopted).toBeGreaterThan(0)
    expect(sortedText(journal)).toBe(sortedText(reference))
    expect(asked).toBe(240)
    await stop()
  })

  test('a job that fails on three workers ends the run with its reason; the next call tries again', async () => {
    const journal = freshPath()
    let tries = 0
    const broken = start({
      answer(prompts) {
        if (!prompts.some(({ query }) => query.id === 7)) return answer(prompts)
        tries += 1
        return Promise.reject(new Error('out of memory'))
      },
    })
    await expect(through({ journal })).rejects.toThrow(
      /no worker could answer job \w+-\w+ of the queue: out of memory/,
    )
    expect(tries).toBeGreaterThanOrEqual(3)
    await broken.stop()
    const { stop } = start()
    expect(doneOf(await through({ journal })).outcomes).toBe(240)
    expect(sortedText(journal)).toBe(sortedText(reference))
    await stop()
  })

  test('an unreadable image is told as without a queue, and asked again once it is repaired', async () => {
    const journal = freshPath()
    let damaged = true
    const { stop } = start({
      answer: async (prompts) =>
        (await answer(prompts)).map((one, i) =>
          damaged && prompts[i]!.query.id === 9 ? { text: '', error: 'cannot decode 9.png' } : one,
        ),
    })
    await expect(through({ journal })).rejects.toThrow(
      /query 9 .* could not be measured: cannot decode 9\.png/,
    )
    damaged = false
    expect(doneOf(await through({ journal })).outcomes).toBe(240)
    await stop()
  })

  test('says so when nobody reads it; a worker without work ends if asked to', async () => {
    const run = through({})
    while (!fleet.notices.some((line) => line.includes('no worker reads the queue'))) await sleep(20)
    const { report } = start({ idleMs: 300 })
    await run
    expect(await report).toMatchObject({ prompts: 240, late: 0, returned: 0 })
  })
})

test.each([
  [
    'redis://user:secret@127.0.0.1:1',
    /queue at redis:\/\/127\.0\.0\.1:1 does not answer \(ECONNREFUSED\); start/,
  ],
  ['http://somewhere', /http:\/\/somewhere is not a URL of a queue/],
  ['nonsense', /no valid URL/],
])('%s is refused', async (url, message) => {
  await expect(createFleet(url, 'none').through()).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringMatching(message) as unknown,
  })
})

test('a Redis that wants a password is not called silent', async () => {
  const locked = await startRedis()
  const admin = new Redis(locked.url)
  await admin.config('SET', 'requirepass', 'secret')
  admin.disconnect()
  const url = locked.url.replace('redis://', 'redis://:guess@')
  for (const one of [locked.url, url]) {
    await expect(createFleet(one, 'none').through()).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringMatching(
        /lets nobody in by this URL \((WRONGPASS|NOAUTH).*check its user/,
      ) as unknown,
    })
  }
  await locked.kill()
})
