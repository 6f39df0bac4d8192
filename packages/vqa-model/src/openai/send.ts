import { retryAfter } from './backoff.ts'
import type { Clock } from './clock.ts'

/**
 * What went wrong with one request, by what is to be done about it.
 *
 * - `overloaded`: the server asks for less (429, 503).
 * - `timeout`: no whole answer in time.
 * - `connection`: refused, reset, or cut in the body: the server may be gone.
 * - `server`: a response that is not an answer (other 5xx, 408, broken JSON, no text).
 * - `refused`: the model answers other prompts, but declines this one, or only reasons about it.
 * - `prompt`: this prompt cannot be answered (400, 413, 422), or not in this way (501), others may.
 * - `denied`: no prompt can be answered (401, 403, 404 and other 4xx, an event stream, another address).
 */
export type Trouble = 'overloaded' | 'timeout' | 'connection' | 'server' | 'refused' | 'prompt' | 'denied'

export interface Failure {
  readonly kind: Trouble
  /** for counting: `429 Too Many Requests`, `timeout` */
  readonly label: string
  /** with an excerpt of the body */
  readonly detail: string
  readonly status?: number
  /** what `Retry-After` says, milliseconds */
  readonly wait?: number | undefined
}

export interface Sent {
  /** the answer's JSON */
  readonly body?: unknown
  readonly failure?: Failure
}

export interface Request {
  readonly url: string
  /** sent by POST as JSON; without it GET */
  readonly json?: unknown
  readonly key: string | undefined
  /** milliseconds */
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
}

const EXCERPT_CHARS = 300
const LATE = 'late'

/**
 * One request by Node's `fetch`, which keeps connections open. Never rejects for what a server does.
 *
 * @throws the signal's reason when aborted
 */
export async function send({ url, json, key, timeout, signal, clock }: Request): Promise<Sent> {
  signal?.throwIfAborted()
  const stop = new AbortController()
  const halt = (): void => stop.abort()
  signal?.addEventListener('abort', halt, { once: true })
  const timer = setTimeout(() => stop.abort(LATE), timeout)
  try {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (key !== undefined) headers['authorization'] = `Bearer ${key}`
    if (json !== undefined) headers['content-type'] = 'application/json'
    const response = await fetch(url, {
      method: json === undefined ? 'GET' : 'POST',
      headers,
      signal: stop.signal,
      redirect: 'manual',
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    const text = await response.text()
    if (response.ok) return parse(text, key)
    return { failure: elsewhere(response) ?? refusal(response, text, key, clock.now()) }
  } catch (error) {
    signal?.throwIfAborted()
    if (stop.signal.reason === LATE) {
      return { failure: { kind: 'timeout', label: 'timeout', detail: `no answer in ${timeout / 1000} s` } }
    }
    const reason = excerpt(reasonOf(error), key)
    return { failure: { kind: 'connection', label: reason, detail: reason } }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', halt)
  }
}

function parse(text: string, key: string | undefined): Sent {
  try {
    return { body: JSON.parse(text) as unknown }
  } catch {
    if (/^(data|event|id|retry)?:/.test(text.trimStart())) {
      const detail = 'with an event stream though none was asked for; switch streaming off at the server'
      return { failure: { kind: 'denied', label: 'event stream', detail, status: 200 } }
    }
    const detail = `the response is not valid JSON: ${excerpt(text, key)}`
    return { failure: { kind: 'server', label: 'broken JSON', detail, status: 200 } }
  }
}

/** Redirects are not followed: the other place would be sent the questions and the key. */
function elsewhere({ status, statusText, headers, url }: Response): Failure | undefined {
  const location = headers.get('location')
  if (status < 300 || status >= 400 || location === null || !URL.canParse(location, url)) return undefined
  const { origin, pathname } = new URL(location, url)
  const label = `${status} ${statusText}`.trim()
  return { kind: 'denied', label, status, detail: `${label}: it is at ${origin}${pathname}` }
}

function refusal(response: Response, text: string, key: string | undefined, now: number): Failure {
  const { status, statusText, headers } = response
  const label = `${status} ${statusText}`.trim()
  const kind = troubleOf(status)
  return {
    kind,
    label,
    status,
    detail: `${label}: ${excerpt(messageOf(text), key)}`,
    wait: kind === 'overloaded' ? retryAfter(headers.get('retry-after'), now) : undefined,
  }
}

/** What an HTTP status says. */
export function troubleOf(status: number): Trouble {
  if (status === 429 || status === 503) return 'overloaded'
  if ([400, 413, 422, 501].includes(status)) return 'prompt'
  return status >= 500 || status === 408 ? 'server' : 'denied'
}

/** The sentence in an error body: OpenAI nests it in `error`, SGLang and older vLLM do not. */
function messageOf(text: string): string {
  try {
    const body = JSON.parse(text) as { error?: unknown; message?: unknown; detail?: unknown } | null
    const error = body?.error as { message?: unknown } | string | undefined
    const found = typeof error === 'object' ? error.message : (error ?? body?.message ?? body?.detail)
    return typeof found === 'string' ? found : text
  } catch {
    return text
  }
}

/** Servers may quote the key that they refuse. */
export function withoutKey(text: string, key: string | undefined): string {
  return key === undefined ? text : text.replaceAll(key, '***')
}

function excerpt(text: string, key: string | undefined): string {
  const line = withoutKey(text, key).replace(/\s+/g, ' ').trim()
  if (line === '') return 'no body'
  return line.length > EXCERPT_CHARS ? `${line.slice(0, EXCERPT_CHARS)} ...` : line
}

/** `fetch failed` hides what failed in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string; message?: string }; message?: string }
  return cause?.code ?? cause?.message ?? message ?? String(error)
}
