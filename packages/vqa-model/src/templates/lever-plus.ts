import type { PromptTemplate } from './template.ts'

/** The prompt of the Python original for Qwen2.5-VL, as its evaluation sends it: no system prompt. */
export const leverPlus: PromptTemplate = {
  name: 'lever-plus',
  layout: 'one-turn',
  demonstration: 'Question:{question} Short answer:{answer}',
  query: 'Question:{question} Short answer:',
  system: null,
  postprocess: 'lever-plus',
}

/** The same with a system prompt that says how many examples there really are. */
export const leverPlusSystem: PromptTemplate = {
  ...leverPlus,
  name: 'lever-plus-system',
  system:
    'You will see {shots} solved examples, each an image with a question and its short answer, and then one more ' +
    'image with a question. Answer that question, using the examples and what you know. ' +
    'Keep the answer as short as those of the examples.',
}
