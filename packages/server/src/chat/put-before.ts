import type { OpenAiMessage } from '@lever/selector'
import type { ChatMessage } from './read-chat.ts'

/**
 * A chat whose question is replaced by a prompt: demonstrations and the same question, as a template writes them. What
 * came before the question stays before it; the template's system prompt is used where the chat has none.
 */
export function putBefore(before: readonly ChatMessage[], prompt: readonly OpenAiMessage[]): ChatMessage[] {
  const hasSystem = before.some(({ role }) => isSystem(role))
  const system = prompt.filter(({ role }) => isSystem(role) && !hasSystem)
  const rest = prompt.filter(({ role }) => !isSystem(role))
  return [...system, ...before, ...rest] as ChatMessage[]
}

/** Is it a role of instructions? */
export function isSystem(role: string): boolean {
  return role === 'system' || role === 'developer'
}
