import type { PromptTemplate } from '../templates/template.ts'
import type { Needs } from '../types.ts'

/** What a template shows of every example besides its question. */
export function needsOf(template: PromptTemplate): Needs {
  const context = [template.demonstration, template.query].some((text) => text.includes('{context}'))
  return { image: showsImages(template), context }
}

/** Whether a template shows images; plain text shows none. */
export function showsImages({ layout, images = true }: PromptTemplate): boolean {
  return layout !== 'text' && images
}
