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
   */
  layout: 'turns' | 'one-turn'
  /** text after a demonstration's image; holds `{question}`, and `{answer}` in layout `one-turn` */
  demonstration: string
  /** text after the query's image; holds `{question}` */
  query: string
  /** system prompt; `{shots}` becomes the number of demonstrations; null for none */
  system: string | null
  postprocess: PostprocessName
}

const FIELDS = ['name', 'layout', 'demonstration', 'query', 'system', 'postprocess']

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
  if (layout !== 'turns' && layout !== 'one-turn') throw wrong('layout', layout, '"turns" or "one-turn"')
  const system = fields.get('system') ?? null
  if (system !== null && typeof system !== 'string') throw wrong('system', system, 'a text or null')
  const postprocess = fields.get('postprocess') ?? 'trim'
  if (!postprocessNames.includes(postprocess as PostprocessName)) {
    throw wrong('postprocess', postprocess, `one of ${postprocessNames.join(', ')}`)
  }
  return {
    name: withSlots('name', fields.get('name'), []),
    layout,
    demonstration: withSlots(
      'demonstration',
      fields.get('demonstration'),
      layout === 'turns' ? ['question'] : ['question', 'answer'],
    ),
    query: withSlots('query', fields.get('query'), ['question']),
    system: system === null ? null : withSlots('system', system, system.includes('{shots}') ? ['shots'] : []),
    postprocess: postprocess as PostprocessName,
  }
}

function withSlots(field: string, value: unknown, slots: readonly string[]): string {
  const wanted = `a text with ${slots.map((slot) => `{${slot}} once`).join(', ')}`
  if (typeof value !== 'string' || value === '') {
    throw wrong(field, value, slots.length === 0 ? 'a text that is not empty' : wanted)
  }
  const found = [...value.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
  if (found.length !== slots.length || slots.some((slot) => !found.includes(slot))) {
    throw wrong(field, value, slots.length === 0 ? 'a text without {slots}' : wanted)
  }
  return value
}

function wrong(field: string, value: unknown, wanted: string): InputError {
  const place = field === '' ? 'template' : `template.${field}`
  return new InputError(`vqa-model: ${place} is ${show(value)}; it must be ${wanted}`)
}
