import type { PromptTemplate } from './template.ts'

/** One chat turn per demonstration, as the bundled model was trained. */
export const shapes: PromptTemplate = {
  name: 'shapes',
  layout: 'turns',
  demonstration: '{question}',
  query: '{question}',
  system: null,
  postprocess: 'trim',
}
