import type { PromptTemplate } from '../templates/template.ts'
import { showsImages } from './needs.ts'

/** A part of a message: the place of an image, or text. */
export type ChatContent = { type: 'image' } | { type: 'text'; text: string }

/** A message of a chat. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: readonly ChatContent[]
}

/** Texts of a prompt; `questions` has one more entry than `answers`, the query's, and it is the last. */
export interface PromptTexts {
  questions: readonly string[]
  answers: readonly string[]
  /** as many as questions; '' in place of what is left out */
  contexts?: readonly string[]
}

/**
 * The chat of a prompt: what a chat template takes. Texts are stripped at both ends.
 *
 * @throws RangeError if there is not exactly one question more than answers
 */
export function chatMessages(
  template: PromptTemplate,
  { questions, answers, contexts = [] }: PromptTexts,
  system: string | null = template.system,
): ChatMessage[] {
  const shots = answers.length
  if (questions.length !== shots + 1) {
    throw new RangeError(
      `vqa-model: ${questions.length} questions for ${shots} answers; one per demonstration and the query's are needed`,
    )
  }
  const messages: ChatMessage[] = []
  if (system !== null) {
    messages.push({ role: 'system', content: [text(fillSlots(system, { shots: String(shots) }))] })
  }
  const image: ChatContent[] = showsImages(template) ? [{ type: 'image' }] : []
  const unit = (pattern: string, at: number): ChatContent[] => {
    const slots = { question: questions[at]!.trim(), context: contexts[at]?.trim() ?? '' }
    return [...image, text(fillSlots(pattern, { ...slots, answer: answers[at]?.trim() ?? '' }))]
  }
  const shown = answers.map((_, at) => unit(template.demonstration, at))
  const asked = unit(template.query, shots)
  if (template.layout === 'one-turn') {
    messages.push({ role: 'user', content: [...shown.flat(), ...asked] })
    return messages
  }
  shown.forEach((content, k) => {
    messages.push({ role: 'user', content }, { role: 'assistant', content: [text(answers[k]!)] })
  })
  messages.push({ role: 'user', content: asked })
  return messages
}

/** Replaces `{name}` by its value; values are not looked into. */
export function fillSlots(pattern: string, values: Readonly<Record<string, string>>): string {
  return pattern.replace(/\{(\w+)\}/g, (slot, name: string) =>
    Object.hasOwn(values, name) ? values[name]! : slot,
  )
}

function text(value: string): ChatContent {
  return { type: 'text', text: value.trim() }
}
