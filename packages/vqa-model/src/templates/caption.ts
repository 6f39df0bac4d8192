import type { PromptTemplate } from './template.ts'

/**
 * Captions in place of images, as plain text for base models: the instruction of PICa (Yang et al., AAAI 2022,
 * github.com/microsoft/PICa), and the words Context, Question and Answer.
 */
export const caption: PromptTemplate = {
  name: 'caption',
  layout: 'text',
  demonstration: 'Context: {context}\nQuestion: {question}\nAnswer: {answer}',
  query: 'Context: {context}\nQuestion: {question}\nAnswer:',
  system: 'Please answer the question according to the above context.',
  stop: ['\n'],
  postprocess: 'first-line',
}
