import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'

/** What clients saw. Milliseconds. */
export interface Figures {
  readonly requests: number
  readonly perSecond: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly most: number
  readonly errors: number
}

export interface Load {
  readonly connections: number
  /** Requests a second of all clients together; as fast as they go where it is left out. */
  readonly overallRate?: number
  readonly duration?: number
  readonly amount?: number
}

/** `autocannon`: where it is paced, all clients send at the same moment. */
export async function load(url: string, bodyOf: () => string, how: Load): Promise<Figures> {
  const found = await autocannon({
    ...{ url, ...how },
    timeout: 30,
    requests: [
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        setupRequest: (one) => ({ ...one, body: bodyOf() }),
      },
    ],
  })
  const { latency, requests, errors, timeouts, non2xx } = found
  return {
    requests: requests.total,
    perSecond: Math.round(requests.total / found.duration),
    ...{ p50: latency.p50, p90: latency.p90, p99: latency.p99, most: latency.max },
    errors: errors + timeouts + non2xx,
  }
}

export interface Staggered {
  readonly connections: number
  /** Requests a second of all clients together. */
  readonly rate: number
  /** Seconds. */
  readonly duration: number
}

/**
 * Clients that keep the same time between their requests and do not send together: client i begins i / rate later. A
 * request whose client still waits for its last answer is sent after it, and its time counts from when it was due.
 */
export async function staggered(
  url: string,
  bodyOf: () => string,
  { connections, rate, duration }: Staggered,
): Promise<Figures> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const times: number[] = []
  let errors = 0
  const begun = performance.now() + 100
  const client = async (i: number): Promise<void> => {
    const each = Math.floor((duration * rate) / connections)
    for (let n = 0; n < each; n++) {
      const due = begun + ((n * connections + i) * 1_000) / rate
      await sleep(Math.max(0, due - performance.now()))
      const status = await post(url, bodyOf(), agent).catch(() => 0)
      times.push(performance.now() - due)
      if (status !== 200) errors += 1
    }
  }
  await Promise.all(Array.from({ length: connections }, (_, i) => client(i)))
  const seconds = (performance.now() - begun) / 1_000
  agent.destroy()
  times.sort((a, b) => a - b)
  const at = (share: number): number => Math.round(times[Math.ceil(share * times.length) - 1]! * 10) / 10
  return {
    requests: times.length,
    perSecond: Math.round(times.length / seconds),
    ...{ p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1), errors },
  }
}

function post(url: string, body: string, agent: Agent): Promise<number> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((done, failed) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('end', () => done(response.statusCode!))
    })
    sent.once('error', failed).end(body)
  })
}

/** Processor time of a process since its start, ms. */
export function cpuMs({ pid }: ChildProcess): number {
  return cpuOf(`/proc/${pid!}/stat`)
}

function cpuOf(file: string): number {
  const fields = readFileSync(file, 'utf8').split(') ').at(-1)!.split(' ')
  return 10 * (Number(fields[11]) + Number(fields[12]))
}
