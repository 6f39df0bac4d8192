import { InputError } from '@lever/durable-files'
import { backoff } from './backoff.ts'
import type { Clock } from './clock.ts'
import { differences, identify, isFailure, type Identity } from './identity.ts'
import { send, type Failure, type Sent } from './send.ts'
import type { Server, Servers } from './servers.ts'

export interface CallerOptions {
  readonly servers: Servers
  readonly identity: Identity
  readonly key: string | undefined
  /** of one request, milliseconds */
  readonly timeout: number
  /** most repeats of a request after timeouts and errors, and most vain tries in a row of a server */
  readonly retries: number
  readonly clock: Clock
  readonly onRetry: () => void
}

/** Why a prompt alone failed: the server refuses it, or failed at it again and again. */
export interface PromptFailure {
  readonly error: string
  readonly refused: boolean
}

/** What became of a prompt: an answer's body, or why this prompt alone failed. */
export type Outcome = { readonly body: unknown } | PromptFailure

/**
 * Sends a JSON to the first server that takes it, again where that may help.
 *
 * @throws the signal's reason; InputError when no prompt can be answered (key, model, address);
 * Error when the servers stay away, with what was tried
 */
export type Call = (path: string, json: unknown, signal: AbortSignal) => Promise<Outcome>

/** So many prompts in a row may fail by errors of the server before it counts as broken. */
const LOST = 3

export function createCaller(options: CallerOptions): Call {
  const { servers, identity, key, timeout, retries, clock, onRetry } = options
  let lost = 0

  /** Somebody else may have taken the place of a server that was away. */
  async function recognize(server: Server, signal: AbortSignal): Promise<Failure | undefined> {
    const found = await identify(server.url, identity.model, { key, timeout, signal, clock })
    if (isFailure(found)) return found
    const differs = differences(identity, found)
    if (differs.length > 0) {
      throw new InputError(
        `vqa-model: ${server.url} came back as another server: ${differs.join('; ')}; what was measured is kept, start the first one again`,
      )
    }
    servers.back(server)
    return undefined
  }

  async function once(server: Server, path: string, json: unknown, signal: AbortSignal): Promise<Sent> {
    const failure = server.unsure ? await recognize(server, signal) : undefined
    if (failure !== undefined) return { failure }
    return send({ url: `${server.url}${path}`, json, key, timeout, signal, clock })
  }

  return async (path, json, signal) => {
    const tried = new Map<string, number>()
    const started = clock.now()
    const told = (server: Server, { detail }: Failure): string => {
      const counts = [...tried].map(([label, count]) => `${count} x ${label}`).join(', ')
      const seconds = ((clock.now() - started) / 1000).toFixed(1)
      return `vqa-model: no answer from ${server.url}, tried in ${seconds} s: ${counts}; the last: ${detail}`
    }
    for (let vain = 0; ;) {
      const server = await servers.take(signal, tried.size > 0)
      const sentAt = clock.now()
      let sent: Sent = { failure: { kind: 'server', label: 'not sent', detail: 'not sent' } }
      try {
        sent = await once(server, path, json, signal)
      } finally {
        servers.give(server, sentAt, sent.failure)
      }
      const { failure } = sent
      if (failure === undefined) {
        lost = 0
        return { body: sent.body }
      }
      tried.set(failure.label, (tried.get(failure.label) ?? 0) + 1)
      if (failure.kind === 'prompt') {
        return { error: `vqa-model: ${server.url} refuses the prompt: ${failure.detail}`, refused: true }
      }
      if (failure.kind === 'denied') throw new InputError(denial(server, failure))
      const away = servers.all.every(({ absences, refusals }) => Math.max(absences, refusals) > retries)
      if (failure.kind === 'timeout' || failure.kind === 'server') vain += 1
      if (vain > retries) {
        lost += 1
        if (failure.kind === 'server' && lost <= LOST) return { error: told(server, failure), refused: false }
      }
      if (away || vain > retries) throw new Error(`${told(server, failure)}; ${REMEDY}`)
      onRetry()
      if (failure.kind !== 'timeout' && failure.kind !== 'server') continue
      const pause = backoff(vain - 1, () => clock.random())
      await clock.sleep(pause, signal)
    }
  }
}

/** What to do when a server stays away. */
export const REMEDY = 'what was measured is kept; see to the server and run the same command again'

function denial({ url }: Server, { status, detail }: Failure): string {
  const remedy =
    status === 401 || status === 403
      ? 'give its key in the environment variable LEVER_API_KEY or OPENAI_API_KEY (apiKey)'
      : status === 404
        ? 'check the base URL (it ends in /v1) and the model'
        : 'check the options of the request'
  return `vqa-model: ${url} answers ${detail}; ${remedy}`
}
