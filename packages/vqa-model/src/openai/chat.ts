import { chatMessages } from '../prompt/messages.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { VqaPrompt } from '../types.ts'

export type ChatPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } }

/** A message as the chat completions API takes it. */
export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: string | ChatPart[]
}

/** The messages of a prompt, texts and images in the template's order. */
export async function promptMessages(
  { demonstrations, query }: VqaPrompt,
  template: PromptTemplate,
  system: string | null,
  imageUrl: (path: string) => Promise<string>,
): Promise<Message[]> {
  const units = [...demonstrations, query]
  const urls = await Promise.all(units.map(({ image }) => imageUrl(image)))
  const texts = {
    questions: units.map(({ question }) => question),
    answers: demonstrations.map(({ answer }) => answer),
  }
  const images = urls.values()
  return chatMessages(template, texts, system).map(({ role, content }) => ({
    role,
    content:
      role === 'user'
        ? content.map((part): ChatPart =>
            part.type === 'text' ? part : { type: 'image_url', image_url: { url: images.next().value! } },
          )
        : content.map((part) => (part.type === 'text' ? part.text : '')).join(''),
  }))
}

/** What a chat completion says, as far as it is used. */
export interface Completion {
  readonly text: string
  /** tokens of the prompt, images included; 0 when the server does not count */
  readonly promptTokens: number
  readonly completionTokens: number
  /** log-probability of every token of the prompt but the first, where asked for */
  readonly promptLogprobs: unknown
  /** the model that answered, when it says so */
  readonly model: string | undefined
}

interface Body {
  model?: unknown
  choices?: {
    message?: { content?: unknown; reasoning?: unknown; reasoning_content?: unknown }
    finish_reason?: unknown
  }[]
  usage?: { prompt_tokens?: unknown; completion_tokens?: unknown } | null
  prompt_logprobs?: unknown
}

/** @returns a sentence when the answer cannot be used */
export function readCompletion(body: unknown): Completion | string {
  const { choices, usage, model, prompt_logprobs: promptLogprobs } = (body ?? {}) as Body
  const choice = Array.isArray(choices) ? choices[0] : undefined
  const message = choice?.message
  if (message === undefined)
    return `the answer has no choices[0].message: ${JSON.stringify(body).slice(0, 200)}`
  const content = message.content ?? ''
  if (typeof content !== 'string') return 'choices[0].message.content is no text'
  if (choice?.finish_reason === 'content_filter') return 'the server held the answer back (content_filter)'
  const thought = message.reasoning ?? message.reasoning_content
  if (content === '' && typeof thought === 'string' && thought !== '') {
    return 'the model spent its tokens on reasoning; switch that off, e.g. --extra-body \'{"chat_template_kwargs":{"enable_thinking":false}}\''
  }
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0)
  return {
    text: content,
    promptTokens: count(usage?.prompt_tokens),
    completionTokens: count(usage?.completion_tokens),
    promptLogprobs,
    model: typeof model === 'string' ? model : undefined,
  }
}
