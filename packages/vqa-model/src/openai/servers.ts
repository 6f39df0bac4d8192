import { createAlarm } from './alarm.ts'
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

interface ServersOptions {
  /** most requests at a time that a server may be sent */
  readonly most: number
  readonly clock: Clock
  readonly onNotice?: ((line: string) => void) | undefined
}

/**
 * Spreads requests over servers. Each has a limit of its own, which answers raise and which refusals and timeouts halve;
 * the one with the smallest share of its limit in use is next. A server that cannot be reached is left out for a
 * growing while, then tried with one request.
 */
export function createServers(urls: readonly string[], options: ServersOptions): Servers {
  const { most, clock, onNotice = () => undefined } = options
  const all = urls.map((url): Server => {
    const counts = { running: 0, absences: 0, refusals: 0, troubleAt: -Infinity, waitUntil: 0 }
    return { url, limit: startLimit(most), ...counts, unsure: false }
  })
  const line: Waiting[] = []
  const setAlarm = createAlarm(clock, serve)

  function serve(): void {
    let now = clock.now()
    for (let server = nextServer(all, now); server !== undefined; server = nextServer(all, now)) {
      const first = line.shift()
      if (first === undefined) break
      first.leave()
      server.running += 1
      first.resolve(server)
      now = clock.now()
    }
    lookAgain(now)
  }

  /** When the first pause after `now` is over, if anybody waits; a pause that ends meanwhile must not be missed. */
  function lookAgain(now: number): void {
    const pauses = all.map(({ waitUntil }) => waitUntil).filter((time) => time > now)
    setAlarm(line.length === 0 ? Infinity : Math.min(...pauses))
  }

  return {
    all,
    take(signal, again = false) {
      if (signal.aborted) return Promise.reject(signal.reason as Error)
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          line.splice(line.indexOf(waiting), 1)
          waiting.leave()
          if (line.length === 0) setAlarm(Infinity)
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
      server.running -= 1
      if (failure === undefined) {
        server.absences = server.refusals = 0
        server.limit = raiseLimit(server.limit, most)
      } else learn(server, sentAt, failure, { clock, onNotice })
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

/** The server with the smallest share of its limit in use, of those that take a request now. */
function nextServer(all: readonly Server[], now: number): Server | undefined {
  const isOpen = ({ waitUntil, running, absences, limit }: Server): boolean =>
    waitUntil <= now && running < (absences > 0 ? 1 : Math.floor(limit.value))
  const share = ({ running, limit }: Server): number => (running + 1) / limit.value
  return all.filter(isOpen).sort((a, b) => share(a) - share(b))[0]
}

/** Less at a time, or a pause, by what went wrong. */
function learn(
  server: Server,
  sentAt: number,
  failure: Failure,
  { clock, onNotice }: { clock: Clock; onNotice: (line: string) => void },
): void {
  const { kind, label, wait } = failure
  if (kind === 'overloaded' || kind === 'timeout') {
    server.limit = lowerLimit(server.limit, sentAt, clock.now())
  }
  if (kind === 'overloaded') pause(server, 'refusals', { clock, sentAt, wait })
  if (kind !== 'connection') return
  if (!server.unsure) onNotice(`${server.url} does not answer (${label}); trying again`)
  server.unsure = true
  pause(server, 'absences', { clock, sentAt })
}

/** A pause that grows with the times in a row; what was on the way together counts as one time. */
function pause(
  server: Server,
  count: 'absences' | 'refusals',
  { clock, sentAt, wait }: { clock: Clock; sentAt: number; wait?: number | undefined },
): void {
  if (sentAt <= server.troubleAt) return
  const now = clock.now()
  const until = now + (wait ?? backoff(server[count], () => clock.random()))
  server.waitUntil = Math.max(server.waitUntil, until)
  server[count] += 1
  server.troubleAt = now
}
