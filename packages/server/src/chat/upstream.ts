import { pipeline, Readable } from 'node:stream'
import { InputError } from '@lever/durable-files'
import { Refusal } from '../http/refusal.ts'
import { noteStream } from './note-stream.ts'
import type { ChatCall, ChatReply } from './reply.ts'

/** Headers that belong to one connection, or that no longer hold of the body that is sent. */
const OWN_HEADERS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** What a client tells this server only. */
const NOT_SENT_ON = new Set([...OWN_HEADERS, 'accept-encoding', 'cookie', 'forwarded', 'origin', 'referer'])

/** Answers above this are passed on without the field `lever`; the headers have it. */
const MOST_PARSED = 16 * 2 ** 20

export interface UpstreamOptions {
  /** base URL, as http://127.0.0.1:8000/v1 */
  readonly url: string
  /** key for it; where there is none, the client's own is sent on, unless that is the key of this server */
  readonly key: string | undefined
  readonly hasOwnKey: boolean
  /** seconds until the answer must have begun */
  readonly timeout: number
}

export interface Upstream {
  complete(call: ChatCall): Promise<ChatReply>
  /** what it says of its models */
  models(headers: ChatCall['headers'], signal: AbortSignal): Promise<ChatReply>
}

/** @throws InputError if the URL is not one of http or https */
export function createUpstream({ url, key, hasOwnKey, timeout }: UpstreamOptions): Upstream {
  const base = checkUrl(url)
  const headersFor = (given: ChatCall['headers']): Headers => {
    const headers = new Headers()
    for (const [name, value] of Object.entries(given)) {
      if (NOT_SENT_ON.has(name) || value === undefined) continue
      if (name === 'authorization' && (hasOwnKey || key !== undefined)) continue
      for (const one of [value].flat()) headers.append(name, one)
    }
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`)
    headers.set('accept-encoding', 'identity')
    return headers
  }

  async function ask(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), timeout * 1_000)
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        redirect: 'manual',
        signal: AbortSignal.any([signal, late.signal]),
      })
    } catch (cause) {
      signal.throwIfAborted()
      if (late.signal.aborted) {
        throw new Refusal(504, `the upstream did not begin to answer within ${timeout} s`, { cause })
      }
      throw new Refusal(502, 'the upstream cannot be reached', { cause })
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async complete({ body, raw, headers, note, signal }) {
      const init = { method: 'POST', headers: headersFor(headers), body: raw ?? JSON.stringify(body) }
      const response = await ask('/chat/completions', init, signal)
      const type = response.headers.get('content-type') ?? ''
      if (response.status === 200 && /^text\/event-stream\b/i.test(type)) return streamed(response, note)
      if (response.status !== 200 || !/^application\/json\b/i.test(type)) return passedOn(response)
      const bytes = Buffer.from(await response.arrayBuffer())
      return { ...head(response), body: withNote(bytes, note) }
    },
    async models(headers, signal) {
      return passedOn(await ask('/models', { headers: headersFor(headers) }, signal))
    },
  }
}

function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed.href.replace(/\/+$/, '')
  throw new InputError(
    `server: the upstream ${JSON.stringify(url)} is not a URL such as http://127.0.0.1:8000/v1`,
  )
}

function head(response: Response): Pick<ChatReply, 'status' | 'headers'> {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of response.headers) if (!OWN_HEADERS.has(name)) headers[name] = value
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  return { status: response.status, headers }
}

function passedOn(response: Response): ChatReply {
  const body = response.body === null ? '' : Readable.fromWeb(response.body as never)
  return { ...head(response), body }
}

/** A stream of events with the field in its first. One that breaks off breaks off for the client too. */
function streamed(response: Response, note: ChatCall['note']): ChatReply {
  const { body, ...rest } = passedOn(response)
  if (!(body instanceof Readable)) return { ...rest, body }
  const noted = noteStream(note)
  pipeline(body, noted, () => undefined)
  return { ...rest, body: noted }
}

function withNote(bytes: Buffer, lever: ChatCall['note']): Buffer | string {
  if (bytes.length > MOST_PARSED) return bytes
  try {
    const answer: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return bytes
    return JSON.stringify({ ...answer, lever })
  } catch {
    return bytes
  }
}
