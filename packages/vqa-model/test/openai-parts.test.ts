import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { backoff, retryAfter } from '../src/openai/backoff.ts'
import type { Clock } from '../src/openai/clock.ts'
import { lowerLimit, raiseLimit, startLimit } from '../src/openai/limit.ts'
import type { Failure } from '../src/openai/send.ts'
import { createServers, type Server } from '../src/openai/servers.ts'

describe('backoff', () => {
  test('is uniform below base 2^n, at most 30 s', () => {
    expect([0, 1, 2, 6, 7, 1000].map((n) => backoff(n, () => 0.5))).toEqual([
      250, 500, 1000, 15_000, 15_000, 15_000,
    ])
    expect(backoff(3, () => 0)).toBe(0)
  })

  test('Retry-After in seconds and as a date', () => {
    const now = Date.UTC(2026, 10, 21, 12, 0, 0)
    expect(retryAfter('2', now)).toBe(2000)
    expect(retryAfter(' 0.5 ', now)).toBe(500)
    expect(retryAfter('Sat, 21 Nov 2026 12:00:03 GMT', now)).toBe(3000)
    expect(retryAfter('Sat, 21 Nov 2026 11:00:00 GMT', now)).toBe(0)
    expect(retryAfter('1000000', now)).toBe(600_000)
    for (const header of [null, '', 'soon', '-1x']) expect(retryAfter(header, now)).toBeUndefined()
  })
})

describe('limit', () => {
  test('grows by one a round, is halved once for what was on the way together', () => {
    let limit = startLimit(16)
    expect(limit.value).toBe(8)
    for (let i = 0; i < 8; i++) limit = raiseLimit(limit, 16)
    expect(limit.value).toBeCloseTo(9, 0)
    limit = lowerLimit({ value: 12, loweredAt: -Infinity }, 100, 200)
    expect(limit).toEqual({ value: 6, loweredAt: 200 })
    expect(lowerLimit(limit, 150, 210)).toBe(limit)
    expect(lowerLimit(limit, 205, 210)).toEqual({ value: 3, loweredAt: 210 })
  })

  test('stays between 1 and the most', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.boolean(), { maxLength: 300 }),
        (most, events) => {
          let limit = startLimit(most)
          events.forEach((good, i) => {
            limit = good ? raiseLimit(limit, most) : lowerLimit(limit, i, i)
            expect(limit.value).toBeGreaterThanOrEqual(1)
            expect(limit.value).toBeLessThanOrEqual(most)
          })
        },
      ),
    )
  })
})

/** A clock that only moves when it is told to. */
function handClock(): Clock & { pass(milliseconds: number): Promise<void> } {
  let now = 1000
  const sleepers = new Set<{ at: number; wake: () => void }>()
  return {
    now: () => now,
    random: () => 0.5,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const sleeper = { at: now + milliseconds, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          resolve()
        })
      }),
    async pass(milliseconds) {
      now += milliseconds
      for (const sleeper of sleepers) {
        if (sleeper.at > now) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('servers', () => {
  const failure = (kind: Failure['kind'], wait?: number): Failure => ({
    kind,
    label: kind,
    detail: kind,
    wait,
  })
  const { signal } = new AbortController()

  test('the least loaded is next; a pause ends by itself; requests are served in line', async () => {
    const clock = handClock()
    const { take, give, all } = createServers(['a', 'b'], { most: 2, clock })
    const taken = await Promise.all([take(signal), take(signal), take(signal), take(signal)])
    expect(taken.map(({ url }) => url)).toEqual(['a', 'b', 'a', 'b'])
    const order: string[] = []
    const waiting = [1, 2].map((n) => take(signal).then(({ url }) => order.push(`${n} ${url}`)))
    give(taken[1], clock.now(), failure('overloaded', 5000))
    give(taken[0], clock.now())
    await waiting[0]
    expect(order).toEqual(['1 a'])
    expect(all[1]).toMatchObject({ refusals: 1, waitUntil: clock.now() + 5000, limit: { value: 1 } })
    give(taken[3], 0)
    await clock.pass(4999)
    expect(order).toHaveLength(1)
    await clock.pass(1)
    expect(order).toEqual(['1 a', '2 b'])
  })

  test('one that is away is tried by one request at a time, after growing pauses', async () => {
    const clock = handClock()
    const notices: string[] = []
    const { take, give, back, all } = createServers(['a'], {
      most: 8,
      clock,
      onNotice: (line) => notices.push(line),
    })
    const [a] = all as [Server]
    const taken = await Promise.all(Array.from({ length: 8 }, () => take(signal)))
    for (const server of taken) give(server, 1000, failure('connection'))
    expect(a).toMatchObject({ absences: 1, unsure: true, waitUntil: 1250 })
    const served: number[] = []
    for (const n of [1, 2, 3]) void take(signal).then(() => served.push(n))
    for (const [pause, waitUntil] of [
      [250, 1750],
      [500, 2750],
    ] as const) {
      await clock.pass(pause)
      expect(served).toHaveLength(1)
      served.length = 0
      give(a, clock.now(), failure('connection'))
      expect(a.waitUntil).toBe(waitUntil)
    }
    await clock.pass(1000)
    back(a)
    give(a, clock.now())
    expect(a).toMatchObject({ absences: 0, unsure: false, running: 0 })
    expect(notices).toEqual(['a does not answer (connection); trying again', 'a answers again'])
  })

  test('an aborted wait leaves the line', async () => {
    const clock = handClock()
    const { take, give } = createServers(['a'], { most: 1, clock })
    const first = await take(signal)
    const controller = new AbortController()
    const waiting = take(controller.signal)
    const last = take(signal)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(take(controller.signal)).rejects.toThrow('enough')
    give(first, clock.now())
    expect(await last).toBe(first)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'a pause of %i ms that ends between two looks at the clock is not missed',
    async (wait) => {
      let time = 0
      const clock: Clock = { now: () => time++, random: () => 0, sleep: () => Promise.resolve() }
      const { take, give } = createServers(['a'], { most: 1, clock })
      const server = await take(signal)
      const next = take(signal)
      give(server, clock.now(), { kind: 'overloaded', label: '429', wait } as Failure)
      expect(await next).toBe(server)
    },
    2000,
  )
})
