import type { SelectorChoice } from '@lever/selector'

/** Fields of a chat request that this server looks at; all others go on as they are. */
export interface ChatBody {
  readonly messages: readonly ChatMessage[]
  readonly model?: string
  readonly stream?: boolean | null
  /** The server's own field: what to choose. It is not sent on. */
  readonly lever?: LeverField
  readonly [field: string]: unknown
}

export interface LeverField {
  /** K; 0 for no demonstrations */
  readonly shots?: number
  readonly selector?: SelectorChoice
  /** ids that may not be chosen */
  readonly exclude?: readonly number[]
  /** id of the question in the numbering of the library */
  readonly id?: number
}

export interface ChatMessage {
  readonly role: string
  readonly content?: string | null | readonly ContentPart[]
  readonly [field: string]: unknown
}

export type ContentPart = Readonly<Record<string, unknown>> & { readonly type?: unknown }

/** A question about an image at the end of a chat. */
export interface AskedInChat {
  readonly question: string
  /** URL of the image: a data URI, or an address */
  readonly image: string
  /** the messages before it */
  readonly before: readonly ChatMessage[]
}

/** Why no demonstrations are put before a chat, in words for a header. */
export interface Unchanged {
  readonly unchanged: string
}

/**
 * The question of a chat that demonstrations can be chosen for: one image, in the last message, which is the user's,
 * with a text. Everything else, and every request with tools, is passed on unchanged.
 */
export function readChat(body: ChatBody): AskedInChat | Unchanged {
  const { messages, lever } = body
  if (lever?.shots === 0) return { unchanged: 'no demonstrations were asked for' }
  if (usesTools(body)) return { unchanged: 'the request has tools' }
  const images = messages.flatMap(({ content }) => imageParts(content))
  if (images.length === 0) return { unchanged: 'the request has no image' }
  if (images.length > 1) return { unchanged: `the request has ${images.length} images` }
  const last = messages.at(-1)!
  const [part] = imageParts(last.content)
  if (last.role !== 'user' || part === undefined) {
    return { unchanged: 'the image is not in the last message' }
  }
  const question = textOf(last.content).trim()
  if (question === '') return { unchanged: 'the message with the image has no text' }
  return { question, image: urlOf(part), before: messages.slice(0, -1) }
}

function usesTools({ tools, functions, messages }: ChatBody): boolean {
  const some = (list: unknown): boolean => Array.isArray(list) && list.length > 0
  return (
    some(tools) ||
    some(functions) ||
    messages.some(({ role, tool_calls }) => role === 'tool' || role === 'function' || some(tool_calls))
  )
}

/** The parts of a content; none where it is a text. */
export function partsOf(content: ChatMessage['content']): readonly ContentPart[] {
  return Array.isArray(content) ? (content as readonly ContentPart[]) : []
}

/** The parts of a content that hold images. */
export function imageParts(content: ChatMessage['content']): ContentPart[] {
  return partsOf(content).filter(({ type }) => type === 'image_url')
}

/** All text of a content. */
export function textOf(content: ChatMessage['content']): string {
  if (typeof content === 'string') return content
  const texts = partsOf(content).filter(({ type }) => type === 'text')
  return texts.map(({ text }) => (typeof text === 'string' ? text : '')).join('\n')
}

/** The URL of an image part; empty where there is none. */
export function urlOf({ image_url: value }: ContentPart): string {
  const url: unknown = typeof value === 'object' && value !== null ? (value as { url?: unknown }).url : value
  return typeof url === 'string' ? url : ''
}
