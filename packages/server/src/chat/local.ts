import { randomUUID } from 'node:crypto'
import type { Answer, Prompt, PromptTemplate, VqaModel } from '@lever/vqa-model'
import { Refusal } from '../http/refusal.ts'
import type { HeldImages } from '../images/held-images.ts'
import { createBatcher } from './batcher.ts'
import { checkFields } from './local-fields.ts'
import { readPrompt } from './read-prompt.ts'
import type { ChatMessage } from './read-chat.ts'
import type { ChatCall, ChatReply, LeverNote } from './reply.ts'

const MOST_AT_ONCE = 32

export interface LocalOptions {
  readonly model: VqaModel
  readonly template: PromptTemplate
  readonly images: HeldImages
  /** opens what a request names: data URIs, and what else is allowed */
  readonly open: (url: string) => Promise<Uint8Array>
  readonly now: () => number
}

/** Answers chats with a model in this process. */
export function createLocal({ model, template, images, open, now }: LocalOptions): {
  complete(call: ChatCall): Promise<ChatReply>
} {
  const ask = createBatcher((prompts: readonly Prompt[]) => model.answer(prompts), MOST_AT_ONCE)
  const { maxNewTokens } = model.protocol.decoding

  async function answer(messages: readonly ChatMessage[]): Promise<Answer> {
    const { demonstrations, url, question } = readPrompt(messages, template)
    const urls = [...demonstrations.map((one) => one.url), url]
    const bytes = await Promise.all(urls.map((one) => open(one)))
    const held = (paths: readonly string[]): Promise<Answer> => {
      const next = bytes[paths.length]
      if (next !== undefined) return images.hold(next, (path) => held([...paths, path]))
      const shown = demonstrations.map((one, i) => ({
        ...{ id: i, question: one.question, answer: one.answer },
        image: paths[i]!,
      }))
      const image = paths.at(-1)!
      return ask({ demonstrations: shown, query: { id: shown.length, question, image } })
    }
    return held([])
  }

  return {
    async complete({ body, note }) {
      checkFields(body, maxNewTokens)
      const { text, error, kind = 'prompt' } = await answer(body['messages'] as ChatMessage[])
      if (error !== undefined) throw new Refusal(kind === 'prompt' ? 400 : 500, error)
      const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(now() / 1_000), model: model.name }
      return body['stream'] === true ? streamed(head, text, note) : whole(head, text, note)
    },
  }
}

interface Head {
  readonly id: string
  readonly created: number
  readonly model: string
}

function whole(head: Head, text: string, lever: LeverNote): ChatReply {
  const message = { role: 'assistant', content: text, refusal: null }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }]
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ ...head, object: 'chat.completion', choices, lever }),
  }
}

/** The answer is there as a whole; its stream has one chunk with all of it. */
function streamed(head: Head, text: string, lever: LeverNote): ChatReply {
  const chunk = (delta: object, finish_reason: string | null, more: object = {}): string => {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason }]
    return `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })}\n\n`
  }
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
    body: [
      chunk({ role: 'assistant', content: text }, null, { lever }),
      chunk({}, 'stop'),
      'data: [DONE]\n\n',
    ].join(''),
  }
}
