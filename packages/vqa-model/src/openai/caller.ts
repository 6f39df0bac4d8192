import { InputError } from '@lever/durable-files'
import type { FailureKind } from '../types.ts'
import { backoff } from './backoff.ts'
import type { Clock } from './clock.ts'
import { differences, identify, isFailure, type Identity } from './identity.ts'
import { isFault, readResponse, type Completion } from './response.ts'
import { send, withoutKey, type Failure } from './send.ts'
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

/** Why a prompt alone failed. */
export interface PromptFailure {
  readonly error: string
  readonly kind: FailureKind
}

/** What to ask of a chat completion. */
export interface Asked {
  readonly json: unknown
  /** false where only log-probabilities and counts are used */
  readonly wantsText: boolean
}

/**
 * Sends a chat completion to the first server that takes it, again where that may help.
 *
 * @throws the signal's reason; InputError when no prompt can be answered (key, model, address);
 * Error when the servers stay away, with what was tried
 */
export type Call = (asked: Asked, signal: AbortSignal) => Promise<Completion | PromptFailure>

/** So many prompts in a row may fail by errors of the server before it counts as broken. */
const MAX_LOST_PROMPTS = 3

/** What to do when a server stays away. */
export const REMEDY = 'what was measured is kept; see to the server and run the same command again'

/** The tries of one request. */
interface Tries {
  readonly started: number
  /** how often each kind of failure came */
  readonly labels: Map<string, number>
  /** failures after which the request, and not the server, is repeated in vain */
  vain: number
}

export function createCaller(options: CallerOptions): Call {
  /** prompts in a row that failed by errors of the server */
  const state = { lost: 0 }
  return async (asked, signal) => {
    const tries: Tries = { started: options.clock.now(), labels: new Map(), vain: 0 }
    for (;;) {
      const server = await options.servers.take(signal, tries.labels.size > 0)
      const said = await tryOnce(options, server, asked, signal)
      if (!isFault(said)) {
        state.lost = 0
        return said
      }
      const failed = await afterFailure(options, state, tries, server, said, signal)
      if (failed !== undefined) return failed
    }
  }
}

/** One request to one server, which learns from what became of it. */
async function tryOnce(
  options: CallerOptions,
  server: Server,
  { json, wantsText }: Asked,
  signal: AbortSignal,
): Promise<Completion | Failure> {
  const { servers, key, timeout, clock } = options
  const sentAt = clock.now()
  let said: Completion | Failure = { kind: 'server', label: 'not sent', detail: 'not sent' }
  try {
    const stranger = server.unsure ? await recognize(options, server, signal) : undefined
    if (stranger !== undefined) return (said = stranger)
    const url = `${server.url}/chat/completions`
    const sent = await send({ url, json, key, timeout, signal, clock })
    said = sent.failure ?? readResponse(sent.body, wantsText)
    return isFault(said) ? (said = { ...said, detail: withoutKey(said.detail, key) }) : said
  } finally {
    const isAnswered = !isFault(said) || said.kind === 'refused'
    servers.give(server, sentAt, isAnswered ? undefined : (said as Failure))
  }
}

/**
 * Decides what a failure means: the end of this prompt, the end of the run, or another try after a pause.
 *
 * @returns undefined for another try
 */
async function afterFailure(
  { servers, retries, clock, onRetry }: CallerOptions,
  state: { lost: number },
  tries: Tries,
  server: Server,
  failure: Failure,
  signal: AbortSignal,
): Promise<PromptFailure | undefined> {
  const { kind, label, detail } = failure
  tries.labels.set(label, (tries.labels.get(label) ?? 0) + 1)
  if (kind === 'refused') return { error: `vqa-model: ${detail}`, kind }
  if (kind === 'prompt') return { error: `vqa-model: ${server.url} refuses the prompt: ${detail}`, kind }
  if (kind === 'denied') throw new InputError(denial(server, failure))
  const isRequestsFault = kind === 'timeout' || kind === 'server'
  if (isRequestsFault) tries.vain += 1
  const isExhausted = tries.vain > retries
  if (isExhausted) state.lost += 1
  const told = (): string => account(tries, server, failure, clock.now())
  if (isExhausted && kind === 'server' && state.lost <= MAX_LOST_PROMPTS) {
    return { error: told(), kind: 'transient' }
  }
  const areAway = servers.all.every(({ absences, refusals }) => Math.max(absences, refusals) > retries)
  if (areAway || isExhausted) throw new Error(`${told()}; ${REMEDY}`)
  onRetry()
  if (isRequestsFault)
    await clock.sleep(
      backoff(tries.vain - 1, () => clock.random()),
      signal,
    )
  return undefined
}

/** Somebody else may have taken the place of a server that was away. */
async function recognize(
  { servers, identity, key, timeout, clock }: CallerOptions,
  server: Server,
  signal: AbortSignal,
): Promise<Failure | undefined> {
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

function account({ started, labels }: Tries, { url }: Server, { detail }: Failure, now: number): string {
  const counts = [...labels].map(([label, count]) => `${count} x ${label}`).join(', ')
  const seconds = ((now - started) / 1000).toFixed(1)
  return `vqa-model: no answer from ${url}, tried in ${seconds} s: ${counts}; the last: ${detail}`
}

function denial({ url }: Server, { status, detail }: Failure): string {
  if (status === 200) return `vqa-model: ${url} answers ${detail}`
  const remedy =
    status === 401 || status === 403
      ? 'give its key in the environment variable LEVER_API_KEY or OPENAI_API_KEY (apiKey)'
      : status === 404
        ? 'check the base URL (it ends in /v1) and the model'
        : status !== undefined && status < 400
          ? 'give that address as the base URL'
          : 'check the options of the request'
  return `vqa-model: ${url} answers ${detail}; ${remedy}`
}
