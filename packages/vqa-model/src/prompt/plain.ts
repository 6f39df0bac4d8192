import type { PromptTemplate } from '../templates/template.ts'
import { fillSlots, type PromptTexts } from './messages.ts'

/** What stands between the parts of a prompt in plain text. */
export const SEPARATOR = '\n\n'

/**
 * A prompt of layout `text`: the system prompt, the demonstrations and the query, an empty line between. No chat template
 * takes part.
 *
 * @param start text of the token that the model's tokenizer puts before a text, or ''
 */
export function plainText(
  template: PromptTemplate,
  { questions, answers, contexts }: PromptTexts,
  system: string | null,
  start = '',
): string {
  const shots = answers.length
  const head = system === null ? [] : [fillSlots(system, { shots: String(shots) })]
  const parts = questions.map((question, unit) =>
    fillSlots(unit < shots ? template.demonstration : template.query, {
      question: question.trim(),
      context: contexts?.[unit]?.trim() ?? '',
      answer: answers[unit]?.trim() ?? '',
    }),
  )
  return start + [...head, ...parts].join(SEPARATOR)
}
