import type { Clock } from './clock.ts'

/** One alarm that can be set to another time: the last time set counts, `Infinity` is none. Times in milliseconds. */
export function createAlarm(clock: Clock, ring: () => void): (at: number) => void {
  let current: { at: number; stop: AbortController } | undefined
  return (at) => {
    if (at === (current?.at ?? Infinity)) return
    current?.stop.abort()
    current = undefined
    if (at === Infinity) return
    const set = { at, stop: new AbortController() }
    current = set
    void clock.sleep(at - clock.now(), set.stop.signal).then(() => {
      if (current !== set) return
      current = undefined
      ring()
    })
  }
}
