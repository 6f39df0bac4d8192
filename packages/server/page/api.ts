/** What the page knows of the server. */
export interface Info {
  readonly selector: string
  readonly note: string | null
  readonly selectors: readonly string[]
  readonly shots: number
  readonly examples: number
  readonly library: string
  readonly model: string
  readonly local: boolean
}

export interface Example {
  readonly id: number
  readonly question: string
  readonly answer: string
}

export interface Demonstration extends Example {
  readonly score: number | null
  readonly similarity: number | null
}

interface Message {
  readonly role: string
  readonly content: string | readonly ({ type: 'text'; text: string } | { type: 'image_url' })[]
}

export interface Selection {
  readonly selector: string
  readonly note: string | null
  readonly demonstrations: readonly Demonstration[]
  readonly messages: readonly Message[]
}

export interface Completion {
  readonly model: string
  readonly choices: readonly { readonly message: { readonly content: string | null } }[]
}

/** What is asked: the image as a data URI. */
export interface Question {
  readonly image: string
  readonly question: string
  readonly shots: number
}

/** The key is missing or wrong. */
export class KeyWanted extends Error {}

let key = ''

/** Keeps the key until the page is closed; it is written nowhere. */
export function useKey(given: string): void {
  key = given
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (key !== '') headers.set('authorization', `Bearer ${key}`)
  const response = await fetch(path, { ...init, headers }).catch(() => {
    throw new Error('The server cannot be reached.')
  })
  if (response.ok) return response
  const said = (await response.json().catch(() => ({}))) as { error?: { message?: string } }
  const why = said.error?.message ?? `the server answers ${response.status}`
  throw response.status === 401 ? new KeyWanted(why) : new Error(why)
}

const get = async <T>(path: string): Promise<T> => (await (await call(path)).json()) as T

const post = async <T>(path: string, body: unknown, signal: AbortSignal): Promise<T> => {
  const headers = { 'content-type': 'application/json' }
  return (await (
    await call(path, { method: 'POST', headers, body: JSON.stringify(body), signal })
  ).json()) as T
}

export const readInfo = (): Promise<Info> => get('/v1/info')

export const listExamples = (
  offset: number,
  limit: number,
): Promise<{ total: number; examples: Example[] }> => get(`/v1/examples?offset=${offset}&limit=${limit}`)

export async function imageOf(id: number, size: 'small' | 'full'): Promise<Blob> {
  return (await call(`/v1/examples/${id}/image?size=${size}`)).blob()
}

export const select = (asked: Question, selector: string, signal: AbortSignal): Promise<Selection> =>
  post('/v1/select', { ...asked, selector, messages: true }, signal)

/** The answer after demonstrations of a selector; of the question alone without one. */
export function complete(
  { image, question, shots }: Question,
  selector: string | undefined,
  signal: AbortSignal,
): Promise<Completion> {
  const content = [
    { type: 'image_url', image_url: { url: image } },
    { type: 'text', text: question },
  ]
  const lever = selector === undefined ? { shots: 0 } : { shots, selector }
  return post('/v1/chat/completions', { messages: [{ role: 'user', content }], lever }, signal)
}

/** The texts of a prompt, with [image] where one stands. */
export function promptText(messages: readonly Message[]): string {
  return messages
    .map(({ role, content }) => {
      const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content
      return `${role}: ${parts.map((part) => (part.type === 'text' ? part.text : '[image]')).join(' ')}`
    })
    .join('\n')
}
