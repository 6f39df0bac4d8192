import type { ModelMessage } from 'ai'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import type { OpenSelector, SelectOptions, SelectQuery } from './open-selector.ts'
import type { Selection } from './selection.ts'
import { SELECT_OPTIONS } from './open-selector.ts'

/**
 * The prompt of a selection for `generateText` and `streamText` of the AI SDK: its demonstrations with images, then the
 * question.
 */
export async function toModelMessages({ messages }: Selection): Promise<ModelMessage[]> {
  return (await messages.aiSdk()) satisfies ModelMessage[]
}

/** Chooses demonstrations for a question and gives the prompt: `generateText({ model, messages })`. */
export async function promptFor(
  selector: OpenSelector,
  query: SelectQuery,
  options?: SelectOptions,
): Promise<{ messages: ModelMessage[]; selection: Selection }> {
  refuseUnknownOptions(options, SELECT_OPTIONS, 'selector: promptFor')
  const selection = await selector.select(query, options)
  return { messages: await toModelMessages(selection), selection }
}
