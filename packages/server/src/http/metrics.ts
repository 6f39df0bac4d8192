import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What the server counts, for Prometheus. */
export interface Metrics {
  readonly registry: Registry
  answered(route: string, method: string, status: number, seconds: number): void
  chose(selector: string, seconds: number): void
  unchanged(): void
  /** Stops what is measured at intervals. */
  close(): void
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

/** @param inside requests that are worked on now */
export function createMetrics(facts: { inside: () => number; examples: () => number }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'lever_http_request_seconds',
    help: 'Seconds from the first byte of a request to the last of its answer',
    labelNames: ['route', 'method', 'status'],
    buckets: BUCKETS,
    registers,
  })
  const choices = new Histogram({
    name: 'lever_choice_seconds',
    help: 'Seconds of choosing demonstrations, embedding included',
    labelNames: ['selector'],
    buckets: BUCKETS,
    registers,
  })
  const passed = new Counter({
    name: 'lever_chat_unchanged_total',
    help: 'Chat requests that were passed on without demonstrations',
    registers,
  })
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read())
      },
    })
  gauge('lever_requests_inside', 'Requests that are worked on', facts.inside)
  gauge('lever_library_examples', 'Examples in the library', facts.examples)
  return {
    registry,
    answered: (route, method, status, seconds) =>
      requests.observe({ route, method, status: String(status) }, seconds),
    chose: (selector, seconds) => choices.observe({ selector }, seconds),
    unchanged: () => passed.inc(),
    close: () => registry.clear(),
  }
}
