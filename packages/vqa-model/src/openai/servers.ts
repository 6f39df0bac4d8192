import { backoff } from './backoff.ts'
import type { Clock } from './clock.ts'
import { lowerLimit, raiseLimit, startLimit, type Limit } from './limit.ts'
import type { Failure } from './send.ts'

/** One base URL and how it is doing. */
export interface Server {
  readonly url: string
  limit: Limit
  /** requests on the way */
  running: number
  /** times in a row that it could not be reached */
  absences: number
  /** times in a row that it asked for less */
  refusals: number
  /** when the last of these times began, milliseconds */
  troubleAt: number
  /** nothing is sent before, milliseconds */
  waitUntil: number
  /** it was away: ask who it is before the next prompt */
  unsure: boolean
}

export interface Servers {
  readonly all: readonly Server[]
  /**
   * A server that takes a request now; requests wait in line, one that is sent again at its head.
   *
   * @throws the signal's reason
   */
  readonly take: (signal: AbortSignal, again?: boolean) => Promise<Server>
  /** Gives a server back with what became of the request that was sent at `sentAt`. */
  readonly give: (server: Server, sentAt: number, failure?: Failure) => void
  /** A server that was away has said who it is. */
  readonly back: (server: Server) => void
}

interface Waiting {
  readonly resolve: (server: Server) => void
  /** removes it from its signal */
  readonly leave: () => void
}

/**
 * Spreads requests over servers: each has a limit of its own that grows by answers and is halved
 * by refusals and timeouts; the one with the smallest share of its limit in use is next. A server
 * that cannot be reached is left out for a growing while, then tried with one request.
 */
export function createServers(
  urls: readonly string[],
  {
    most,
    clock,
    onNotice = () => undefined,
  }: { most: number; clock: Clock; onNotice?: ((line: string) => void) | undefined },
): Servers {
  const all = urls.map((url): Server => {
    const counts = { running: 0, absences: 0, refusals: 0, troubleAt: -Infinity, waitUntil: 0 }
    return { url, limit: startLimit(most), ...counts, unsure: false }
  })
  const line: Waiting[] = []
  let alarm: { at: number; stop: AbortController } | undefined

  const open = (server: Server): boolean =>
    server.waitUntil <= clock.now() &&
    server.running < (server.absences > 0 ? 1 : Math.floor(server.limit.value))

  function next(): Server | undefined {
    const share = ({ running, limit }: Server): number => (running + 1) / limit.value
    return all.filter(open).sort((a, b) => share(a) - share(b))[0]
  }

  function serve(): void {
    for (let server = next(); line.length > 0 && server !== undefined; server = next()) {
      const first = line.shift()!
      first.leave()
      server.running += 1
      first.resolve(server)
    }
    setAlarm()
  }

  /** Looks again when the first pause is over, if anybody waits. */
  function setAlarm(): void {
    const now = clock.now()
    const pauses = all.map(({ waitUntil }) => waitUntil).filter((time) => time > now)
    const at = line.length === 0 ? Infinity : Math.min(...pauses)
    if (at === (alarm?.at ?? Infinity)) return
    alarm?.stop.abort()
    alarm = undefined
    if (at === Infinity) return
    const set = { at, stop: new AbortController() }
    alarm = set
    void clock.sleep(at - now, set.stop.signal).then(() => {
      if (alarm !== set) return
      alarm = undefined
      serve()
    })
  }

  /** A pause that grows with the times in a row; what was on the way together counts as one time. */
  function pause(server: Server, count: 'absences' | 'refusals', sentAt: number, wait?: number): void {
    if (sentAt <= server.troubleAt) return
    const now = clock.now()
    const until = now + (wait ?? backoff(server[count], () => clock.random()))
    server.waitUntil = Math.max(server.waitUntil, until)
    server[count] += 1
    server.troubleAt = now
  }

  return {
    all,
    take(signal, again = false) {
      if (signal.aborted) return Promise.reject(signal.reason as Error)
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          line.splice(line.indexOf(waiting), 1)
          waiting.leave()
          setAlarm()
          reject(signal.reason as Error)
        }
        const waiting = { resolve, leave: (): void => signal.removeEventListener('abort', stop) }
        signal.addEventListener('abort', stop, { once: true })
        if (again) line.unshift(waiting)
        else line.push(waiting)
        serve()
      })
    },
    give(server, sentAt, failure) {
      const now = clock.now()
      server.running -= 1
      if (failure === undefined) {
        server.absences = server.refusals = 0
        server.limit = raiseLimit(server.limit, most)
      } else if (failure.kind === 'overloaded') {
        server.limit = lowerLimit(server.limit, sentAt, now)
        pause(server, 'refusals', sentAt, failure.wait)
      } else if (failure.kind === 'timeout') {
        server.limit = lowerLimit(server.limit, sentAt, now)
      } else if (failure.kind === 'connection') {
        if (!server.unsure) onNotice(`${server.url} does not answer (${failure.label}); trying again`)
        server.unsure = true
        pause(server, 'absences', sentAt)
      }
      serve()
    },
    back(server) {
      server.unsure = false
      server.absences = 0
      onNotice(`${server.url} answers again`)
      serve()
    },
  }
}
