import { chatMessages, type ChatContent, type ChatMessage, type PromptTemplate } from '@lever/vqa-model'
import { dataUri, type SentImage } from '../images/shown.ts'

/** A message as the chat completions API of OpenAI and its followers takes it. */
export interface OpenAiMessage {
  role: 'system' | 'user' | 'assistant'
  content: string | OpenAiPart[]
}

/** A part of a message of the OpenAI API. */
export type OpenAiPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } }

/** A `ModelMessage` of the AI SDK. */
export type AiSdkMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: AiSdkPart[] }
  | { role: 'assistant'; content: string }

/** A part of a message of the AI SDK. */
export type AiSdkPart =
  { type: 'text'; text: string } | { type: 'image'; image: Uint8Array | URL; mediaType?: string }

/** The image of a prompt: what is sent, or a URL that the model's server fetches itself; null where there is none. */
export type PromptImage = SentImage | URL | null

/** What a prompt shows, in order; the query is the last of `questions`. */
export interface PromptParts {
  readonly template: PromptTemplate
  readonly questions: readonly string[]
  readonly answers: readonly string[]
}

/** The prompt for the API of OpenAI; `images` has one for every question. */
export function openAiMessages(parts: PromptParts, images: readonly PromptImage[]): OpenAiMessage[] {
  return withImages(parts, images, (image) => ({
    type: 'image_url' as const,
    image_url: { url: image instanceof URL ? image.href : dataUri(image) },
  }))
}

/** The prompt for `generateText` and `streamText` of the AI SDK. */
export function aiSdkMessages(parts: PromptParts, images: readonly PromptImage[]): AiSdkMessage[] {
  return withImages(parts, images, (image) =>
    image instanceof URL
      ? { type: 'image' as const, image }
      : { type: 'image' as const, image: image.bytes, mediaType: image.type },
  ) as AiSdkMessage[]
}

/** The prompt as one text, `[image]` where an image stands. */
export function plainText(parts: PromptParts): string {
  return chat(parts)
    .map(({ content }) => content.map((part) => (part.type === 'text' ? part.text : '[image]')).join('\n'))
    .join('\n')
}

function withImages<Image>(
  parts: PromptParts,
  images: readonly PromptImage[],
  partOf: (image: SentImage | URL) => Image,
): { role: ChatMessage['role']; content: string | ({ type: 'text'; text: string } | Image)[] }[] {
  const next = images.values()
  const shown = (part: ChatContent): ({ type: 'text'; text: string } | Image)[] => {
    if (part.type === 'text') return [part]
    const image = next.next().value ?? null
    return image === null ? [] : [partOf(image)]
  }
  return chat(parts).map(({ role, content }) => ({
    role,
    content: role === 'user' ? content.flatMap(shown) : textOf(content),
  }))
}

function chat({ template, questions, answers }: PromptParts): ChatMessage[] {
  return chatMessages(template, { questions, answers })
}

function textOf(content: readonly ChatContent[]): string {
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('')
}
