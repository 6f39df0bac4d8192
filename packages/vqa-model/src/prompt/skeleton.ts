import { InputError } from '@lever/durable-files'
import type { PromptTemplate } from '../templates/template.ts'
import { chatMessages, type ChatMessage, type PromptTexts } from './messages.ts'
import { showsImages } from './needs.ts'
import { plainText, SEPARATOR } from './plain.ts'

/** A place in a prompt that differs between prompts; `unit` counts demonstrations, then the query. */
export interface Slot {
  kind: 'image' | 'context' | 'question' | 'answer'
  unit: number
}

export type Part = string | Slot

/**
 * The text of all prompts with the same number of demonstrations, cut into segments. The last
 * segment ends the prompt and holds the query; a segment before it holds what belongs to the
 * next demonstration only, so prompts whose first segments are equal share their tokens.
 */
export interface Skeleton {
  shots: number
  segments: readonly (readonly Part[])[]
}

export interface SkeletonOptions {
  template: PromptTemplate
  /** system prompt with `{shots}`, or null */
  system: string | null
  /** number of demonstrations */
  shots: number
  /** the model's chat template: messages to text, generation prompt added */
  render: (messages: readonly ChatMessage[]) => string
  /** what the chat template writes for an image; '' where the model takes none */
  imageToken: string
  /** of layout `text`: what the model's tokenizer puts before a text */
  start?: string
  /** tokens at which the tokenizer splits text before anything else */
  specialTokens: readonly string[]
}

const OPEN = '\uE000'
const CLOSE = '\uE001'
const MARK = /\uE000([cqa])(\d+)\uE001/
const KINDS = { c: 'context', q: 'question', a: 'answer' } as const

/**
 * Renders the chat template once with marks in place of the texts and cuts the result.
 *
 * Between two units the cut is after the last special token, the latest place where tokenising
 * the two sides apart gives the tokens of the whole; where none stands between, it is before the image of the
 * second unit if that is a special token itself; else the two stay together.
 *
 * @throws InputError if the chat template drops, repeats or reorders texts or images
 */
export function compileSkeleton({
  template,
  system,
  shots,
  render,
  imageToken,
  start = '',
  specialTokens,
}: SkeletonOptions): Skeleton {
  const marks = (letter: string, count: number): string[] =>
    Array.from({ length: count }, (_, unit) => `${OPEN}${letter}${unit}${CLOSE}`)
  const texts = {
    questions: marks('q', shots + 1),
    answers: marks('a', shots),
    contexts: marks('c', shots + 1),
  }
  const parts = splitParts(renderPrompt(template, texts, { system, start, render }), imageToken)
  checkParts(parts, template, shots)
  const cutAt = template.layout === 'text' ? afterSeparator : lastSpecialEnd
  const cut = (text: string): number => cutAt(text, specialTokens)
  return { shots, segments: cutParts(parts, cut, specialTokens.includes(imageToken)) }
}

/** The whole text of a prompt with these texts in it. */
export function renderPrompt(
  template: PromptTemplate,
  texts: PromptTexts,
  { system, start = '', render }: Pick<SkeletonOptions, 'system' | 'start' | 'render'>,
): string {
  return template.layout === 'text'
    ? plainText(template, texts, system, start)
    : render(chatMessages(template, texts, system))
}

/** The skeleton of one segment: nothing is shared, and nothing depends on where a text is cut. */
export function uncut({ shots, segments }: Skeleton): Skeleton {
  return { shots, segments: [segments.flat()] }
}

/** How the text after a segment begins: what a tokenizer may look at that ends the segment. */
export function beginningOf(parts: readonly Part[] | undefined): string {
  const [first] = parts ?? []
  return typeof first === 'string' ? (/^\S*/.exec(first)?.[0] ?? '') : ''
}

/** The pieces of a segment with its texts filled in; images stay slots. */
export function fillSegment(
  parts: readonly Part[],
  texts: Readonly<Record<Exclude<Slot['kind'], 'image'>, (unit: number) => string>>,
): (string | { image: number })[] {
  const pieces: (string | { image: number })[] = []
  let text = ''
  for (const part of parts) {
    if (typeof part === 'string') text += part
    else if (part.kind !== 'image') text += texts[part.kind](part.unit).trim()
    else {
      if (text !== '') pieces.push(text)
      pieces.push({ image: part.unit })
      text = ''
    }
  }
  if (text !== '') pieces.push(text)
  return pieces
}

function splitParts(text: string, imageToken: string): Part[] {
  const parts: Part[] = []
  let images = 0
  let rest = text
  while (rest !== '') {
    const mark = MARK.exec(rest)
    const image = imageToken === '' ? -1 : rest.indexOf(imageToken)
    if (image >= 0 && (mark === null || image < mark.index)) {
      parts.push(rest.slice(0, image), { kind: 'image', unit: images++ })
      rest = rest.slice(image + imageToken.length)
    } else if (mark !== null) {
      const kind = KINDS[mark[1] as keyof typeof KINDS]
      parts.push(rest.slice(0, mark.index), { kind, unit: Number(mark[2]) })
      rest = rest.slice(mark.index + mark[0].length)
    } else {
      parts.push(rest)
      rest = ''
    }
  }
  return parts.filter((part) => part !== '')
}

function checkParts(parts: readonly Part[], template: PromptTemplate, shots: number): void {
  const found = parts.filter((part) => typeof part !== 'string')
  const wanted: string[] = []
  for (let unit = 0; unit <= shots; unit++) {
    const { demonstration, query, layout } = template
    const slots = [...(unit < shots ? demonstration : query).matchAll(/\{(context|question|answer)\}/g)]
    const kinds = [...(showsImages(template) ? ['image'] : []), ...slots.map((slot) => slot[1]!)]
    if (unit < shots && layout === 'turns') kinds.push('answer')
    wanted.push(...kinds.map((kind) => `${kind} ${unit}`))
  }
  const got = found.map(({ kind, unit }) => `${kind} ${unit}`)
  if (got.join() === wanted.join()) return
  throw new InputError(
    `vqa-model: the model's chat template writes [${got.join(', ')}] for a prompt of [${wanted.join(', ')}]; ` +
      `it does not take images and texts in order, so this model cannot be used with this prompt template`,
  )
}

function cutParts(parts: readonly Part[], cutOf: (text: string) => number, atImages: boolean): Part[][] {
  const segments: Part[][] = [[]]
  let unit = -1
  for (const [at, part] of parts.entries()) {
    const open = segments.at(-1)!
    if (typeof part !== 'string') {
      const fresh = atImages && part.kind === 'image' && open.some((other) => isOfUnit(other, part.unit - 1))
      unit = part.unit
      if (fresh) segments.push([part])
      else open.push(part)
      continue
    }
    const next = parts[at + 1]
    const cut = typeof next === 'object' && next.unit !== unit ? cutOf(part) : 0
    if (cut === 0) {
      open.push(part)
      continue
    }
    open.push(part.slice(0, cut))
    segments.push(cut < part.length ? [part.slice(cut)] : [])
  }
  return segments
}

function isOfUnit(part: Part, unit: number): boolean {
  return typeof part !== 'string' && part.unit === unit
}

/** In plain text: after the empty line between two parts. */
function afterSeparator(text: string): number {
  const at = text.lastIndexOf(SEPARATOR)
  return at < 0 ? 0 : at + SEPARATOR.length
}

function lastSpecialEnd(text: string, specialTokens: readonly string[]): number {
  let end = 0
  for (const token of specialTokens) {
    const at = text.lastIndexOf(token)
    if (at >= 0) end = Math.max(end, at + token.length)
  }
  return end
}
