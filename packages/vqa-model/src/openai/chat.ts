import { specialTextIn } from '../prompt/special-texts.ts'
import { chatMessages } from '../prompt/messages.ts'
import { needsOf } from '../prompt/needs.ts'
import { plainText } from '../prompt/plain.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { Prompt } from '../types.ts'

export type ChatPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } }

/** A message as the chat completions API takes it. */
export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: string | ChatPart[]
}

/**
 * The messages of a prompt, texts and images in the template's order. A template without images makes messages of plain
 * texts, which servers of text models take; one in plain text (layout `text`) makes one message of the user.
 *
 * @throws Error for a text that the server's tokenizer may take for a special token, and as `imageUrl`
 */
export async function promptMessages(
  { demonstrations, query }: Prompt,
  template: PromptTemplate,
  system: string | null,
  imageUrl: (path: string) => Promise<string>,
): Promise<Message[]> {
  const units = [...demonstrations, query]
  const needs = needsOf(template)
  for (const { id, question, context = '' } of units) {
    refuseSpecial(question, 'question', id)
    if (needs.context) refuseSpecial(context, 'context', id)
  }
  for (const { id, answer } of demonstrations) refuseSpecial(answer, 'answer', id)
  const urls = needs.image ? await Promise.all(units.map(({ image }) => imageUrl(image!))) : []
  const texts = {
    questions: units.map(({ question }) => question),
    answers: demonstrations.map(({ answer }) => answer),
    contexts: units.map(({ context = '' }) => context),
  }
  if (template.layout === 'text') return [{ role: 'user', content: plainText(template, texts, system) }]
  const images = urls.values()
  return chatMessages(template, texts, system).map(({ role, content }) => ({
    role,
    content:
      role === 'user' && needs.image
        ? content.map((part): ChatPart =>
            part.type === 'text' ? part : { type: 'image_url', image_url: { url: images.next().value! } },
          )
        : content.map((part) => (part.type === 'text' ? part.text : '')).join('\n'),
  }))
}

function refuseSpecial(text: string, what: string, id: number): void {
  const found = specialTextIn(text)
  if (found === undefined) return
  throw new Error(
    `vqa-model: the ${what} of example ${id} holds ${found}, which the server's tokenizer may take for a special token; remove it`,
  )
}
