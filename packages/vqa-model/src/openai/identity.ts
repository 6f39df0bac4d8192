import { InputError } from '@lever/durable-files'
import type { Clock } from './clock.ts'
import { send, type Failure, type Sent } from './send.ts'

/** Who answers at a base URL. */
export interface Identity {
  /** id of the model, as requests name it */
  readonly model: string
  /** what else the server says of itself: `server` (vllm, sglang, ...), `version`, `root` */
  readonly facts: Readonly<Record<string, string>>
}

export interface Asking {
  readonly key: string | undefined
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
}

interface Card {
  id?: unknown
  owned_by?: unknown
  root?: unknown
}

/** Where servers tell their version, by what they call themselves. */
const VERSION_PATHS = new Map([['sglang', ['/server_info', '/get_server_info']]])

/**
 * Asks a server for its models (`GET /models`) and its version (`/version` of vLLM,
 * `/server_info` of SGLang).
 *
 * @throws InputError if it serves another model, or several and none was named
 */
export async function identify(
  url: string,
  model: string | undefined,
  asking: Asking,
): Promise<Identity | Failure> {
  const listed = await send({ url: `${url}/models`, ...asking })
  if (listed.failure !== undefined) return hinted(url, listed.failure)
  const data = (listed.body as { data?: unknown } | null)?.data
  const cards = (Array.isArray(data) ? data : []).filter(
    (card): card is Card & { id: string } => typeof (card as Card | null)?.id === 'string',
  )
  const card = model === undefined && cards.length === 1 ? cards[0] : cards.find(({ id }) => id === model)
  if (card === undefined) {
    const ids = cards.map(({ id }) => id).join(', ')
    throw new InputError(
      `vqa-model: ${url} serves ${ids === '' ? 'no model' : `the models ${ids}`}${model === undefined ? '' : `, not ${model}`}; ` +
        `name one of them as the model`,
    )
  }
  const facts: Record<string, string> = {}
  if (typeof card.owned_by === 'string') facts['server'] = card.owned_by
  if (typeof card.root === 'string' && card.root !== card.id) facts['root'] = card.root
  const root = url.replace(/\/v\d+$/, '')
  for (const path of VERSION_PATHS.get(facts['server'] ?? '') ?? ['/version']) {
    const said = await send({ url: `${root}${path}`, ...asking })
    if (said.failure !== undefined && !isAnswer(said)) return said.failure
    const version = (said.body as { version?: unknown } | null | undefined)?.version
    if (typeof version !== 'string') continue
    facts['version'] = version
    break
  }
  return { model: card.id, facts }
}

/** Did the server answer, be it that there is no such thing? */
function isAnswer({ failure }: Sent): boolean {
  return failure === undefined || failure.kind === 'denied' || failure.kind === 'prompt'
}

function hinted(url: string, failure: Failure): Failure {
  const hint = failure.status === 404 && !/\/v\d+$/.test(url) ? ` (do you mean ${url}/v1?)` : ''
  return { ...failure, detail: failure.detail + hint }
}

export function isFailure(value: Identity | Failure): value is Failure {
  return 'kind' in value
}

/** One line per fact in which two servers differ. */
export function differences(a: Identity, b: Identity): string[] {
  const [left, right] = [a, b].map(({ model, facts }) => new Map(Object.entries({ model, ...facts })))
  return [...new Set([...left!.keys(), ...right!.keys()])]
    .filter((name) => left!.get(name) !== right!.get(name))
    .map((name) => `${name} ${left!.get(name) ?? 'unknown'} against ${right!.get(name) ?? 'unknown'}`)
}
