import { InputError } from '@lever/durable-files'
import { show } from '../show.ts'
import { postprocessNames, type PostprocessName } from '../postprocess.ts'

/**
 * How demonstrations and the query become a chat; the model's own chat template then writes the
 * chat as text. Pure data: a template may come from a JSON file.
 */
export interface PromptTemplate {
  name: string
  /**
   * `turns`: a user turn (image, text) and an assistant turn (the answer) per demonstration.
   * `one-turn`: one user turn in which images and texts alternate.
   * `text`: no chat but plain text, parts with an empty line between, for base models; no images.
   */
  layout: 'turns' | 'one-turn' | 'text'
  /** false: no images are shown; true when left out, except in layout `text` */
  images?: boolean
  /** text after a demonstration's image; holds `{question}`, and `{answer}` unless the layout is `turns`; may hold `{context}` */
  demonstration: string
  /** text after the query's image; holds `{question}`; may hold `{context}` */
  query: string
  /** system prompt; `{shots}` becomes the number of demonstrations; null for none */
  system: string | null
  /** texts that end an answer, besides the model's own end tokens; none when left out */
  stop?: readonly string[]
  postprocess: PostprocessName
}

const FIELDS = ['name', 'layout', 'images', 'demonstration', 'query', 'system', 'stop', 'postprocess']

const LAYOUTS = ['turns', 'one-turn', 'text'] as const

/**
 * Checks a template that came from outside.
 *
 * @throws InputError naming the field, what it holds and what it should hold
 */
export function validateTemplate(data: unknown): PromptTemplate {
  if (typeof data !== 'object' || data === null) throw wrong('', data, 'an object')
  const fields = new Map(Object.entries(data) as [string, unknown][])
  for (const key of fields.keys()) {
    if (!FIELDS.includes(key)) throw wrong(key, fields.get(key), `one of the fields ${FIELDS.join(', ')}`)
  }
  const layout = fields.get('layout')
  if (!isLayout(layout)) throw wrong('layout', layout, '"turns", "one-turn" or "text"')
  const images = fields.get('images')
  if (images !== undefined && typeof images !== 'boolean') throw wrong('images', images, 'true or false')
  if (images === true && layout === 'text') throw wrong('images', images, 'false in layout "text"')
  const stop = fields.get('stop')
  if (stop !== undefined && !isTexts(stop)) throw wrong('stop', stop, 'a list of texts that are not empty')
  const system = fields.get('system') ?? null
  if (system !== null && typeof system !== 'string') throw wrong('system', system, 'a text or null')
  const postprocess = fields.get('postprocess') ?? 'trim'
  if (!postprocessNames.includes(postprocess as PostprocessName)) {
    throw wrong('postprocess', postprocess, `one of ${postprocessNames.join(', ')}`)
  }
  return {
    name: withSlots('name', fields.get('name'), []),
    layout,
    ...(images !== undefined && { images }),
    demonstration: withSlots(
      'demonstration',
      fields.get('demonstration'),
      layout === 'turns' ? ['question'] : ['question', 'answer'],
      ['context'],
    ),
    query: withSlots('query', fields.get('query'), ['question'], ['context']),
    system: system === null ? null : withSlots('system', system, system.includes('{shots}') ? ['shots'] : []),
    ...(stop !== undefined && { stop }),
    postprocess: postprocess as PostprocessName,
  }
}

function isLayout(value: unknown): value is PromptTemplate['layout'] {
  return LAYOUTS.some((layout) => layout === value)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '')
}

function withSlots(
  field: string,
  value: unknown,
  slots: readonly string[],
  allowed: readonly string[] = [],
): string {
  const wanted = `a text with ${slots.map((slot) => `{${slot}} once`).join(', ')}`
  if (typeof value !== 'string' || value === '') {
    throw wrong(field, value, slots.length === 0 ? 'a text that is not empty' : wanted)
  }
  const found = [...value.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
  const extra = allowed.filter((slot) => found.includes(slot))
  if (found.length !== slots.length + extra.length || slots.some((slot) => !found.includes(slot))) {
    throw wrong(field, value, slots.length === 0 ? 'a text without {slots}' : wanted)
  }
  return value
}

function wrong(field: string, value: unknown, wanted: string): InputError {
  const place = field === '' ? 'template' : `template.${field}`
  return new InputError(`vqa-model: ${place} is ${show(value)}; it must be ${wanted}`)
}
