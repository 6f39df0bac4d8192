import { hashOf, InputError } from '@lever/durable-files'
import { caption } from './caption.ts'
import { leverPlus, leverPlusSystem } from './lever-plus.ts'
import { shapes } from './shapes.ts'
import { validateTemplate, type PromptTemplate } from './template.ts'

/** The names of the prompt templates. */
export const templateNames = ['shapes', 'lever-plus', 'lever-plus-system', 'caption'] as const

/** A name of {@link templateNames}. */
export type TemplateName = (typeof templateNames)[number]

/** The prompt templates that options can name. A new one is one file, its name above and one line here. */
const TABLE: Record<TemplateName, PromptTemplate> = {
  shapes,
  'lever-plus': leverPlus,
  'lever-plus-system': leverPlusSystem,
  caption,
}

/**
 * A template of the table by its name, which may come from a file, or a checked one of the caller's.
 *
 * @throws InputError for an unknown name or a wrong template
 */
export function getTemplate(template: TemplateName | (string & {}) | PromptTemplate): PromptTemplate {
  if (typeof template !== 'string') return validateTemplate(template)
  if (!Object.hasOwn(TABLE, template)) {
    throw new InputError(
      `vqa-model: unknown prompt template "${template}"; choose one of ${templateNames.join(', ')}`,
    )
  }
  return TABLE[template as TemplateName]
}

/** The name that a protocol records: the table's name, or `custom:<name>:<hash>`. */
export function templateId(template: PromptTemplate): string {
  const listed = Object.hasOwn(TABLE, template.name) ? TABLE[template.name as TemplateName] : undefined
  const hash = hashOf({ ...template, system: null })
  const same = listed !== undefined && hashOf({ ...listed, system: null }) === hash
  return same ? template.name : `custom:${template.name}:${hash.slice(0, 12)}`
}

/**
 * The template of a model when none is named: the bundled model's own, captions for models that take no images, and the
 * original's prompt for all others.
 */
export function defaultTemplate(model: string, takesImages = true): TemplateName {
  if (!takesImages) return 'caption'
  return model === 'shapes-vqa' ? 'shapes' : 'lever-plus'
}
