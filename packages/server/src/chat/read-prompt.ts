import type { PromptTemplate } from '@lever/vqa-model'
import { Refusal } from '../http/refusal.ts'
import { isSystem } from './put-before.ts'
import { imageParts, partsOf, textOf, urlOf, type ChatMessage } from './read-chat.ts'

/** A chat as a prompt: URLs of images in place of files. */
export interface ReadPrompt {
  readonly demonstrations: readonly {
    readonly url: string
    readonly question: string
    readonly answer: string
  }[]
  readonly url: string
  readonly question: string
}

/**
 * Reads a chat that has the form of a template: the inverse of `putBefore`. The question at the end may stand plain.
 *
 * @throws Refusal (400) naming what the model cannot be asked
 */
export function readPrompt(messages: readonly ChatMessage[], template: PromptTemplate): ReadPrompt {
  const turns = messages.filter(({ role }) => !isSystem(role))
  checkSystem(messages, template)
  const parts =
    template.layout === 'turns'
      ? pairsOfTurns(turns)
      : pairsOfOneTurn(turns, slotPattern(template.demonstration))
  const asked = parts.at(-1)!
  const query = slotPattern(template.query).exec(asked.text)?.groups
  return {
    demonstrations: parts.slice(0, -1).map(({ url, text, answer = '' }, i) => {
      const slots = slotPattern(template.demonstration).exec(text)?.groups
      if (slots === undefined)
        throw wrong(`the text of image ${i + 1} is not a demonstration of its template`)
      return { url, question: slots['question']!.trim(), answer: (slots['answer'] ?? answer).trim() }
    }),
    url: asked.url,
    question: (query?.['question'] ?? asked.text).trim(),
  }
}

interface Pair {
  readonly url: string
  readonly text: string
  readonly answer?: string
}

function checkSystem(messages: readonly ChatMessage[], { system }: PromptTemplate): void {
  const given = messages.filter(({ role }) => isSystem(role))
  if (given.length === 0) return
  const pattern = system === null ? undefined : slotPattern(system)
  if (given.length === 1 && pattern?.test(textOf(given[0]!.content)) === true) return
  throw wrong('it has a system prompt, and the one of this model is fixed by its template')
}

/** A user's turn with one image and a text, then the assistant's answer, and so on; the user's comes last. */
function pairsOfTurns(turns: readonly ChatMessage[]): Pair[] {
  const pairs: Pair[] = []
  turns.forEach((turn, i) => {
    const isUser = i % 2 === 0
    if (turn.role !== (isUser ? 'user' : 'assistant')) {
      throw wrong(`its turn ${i + 1} is of the role ${JSON.stringify(turn.role)}`)
    }
    if (isUser) pairs.push(onePair(turn, i))
    else pairs.push({ ...pairs.pop()!, answer: textOf(turn.content) })
  })
  if (turns.length % 2 === 0) throw wrong('its last message is not of the user')
  return pairs
}

function onePair(turn: ChatMessage, i: number): Pair {
  const images = imageParts(turn.content)
  if (images.length !== 1) {
    throw wrong(`its turn ${i + 1} has ${images.length} images`)
  }
  return { url: urlOf(images[0]!), text: textOf(turn.content) }
}

/** One user's turn in which every image is followed by its text. */
function pairsOfOneTurn(turns: readonly ChatMessage[], demonstration: RegExp): Pair[] {
  const [turn, ...others] = turns
  if (turn?.role !== 'user' || others.length > 0) throw wrong('it is not a single message of the user')
  const content = partsOf(turn.content)
  if (imageParts(content).length === 1) return [onePair(turn, 0)]
  const pairs: Pair[] = []
  for (const part of content) {
    if (part.type === 'image_url') pairs.push({ url: urlOf(part), text: '' })
    else if (pairs.length === 0) throw wrong('it begins with a text')
    else {
      const last = pairs.pop()!
      const text = `${last.text}${last.text === '' ? '' : '\n'}${textOf([part])}`
      pairs.push({ ...last, text })
    }
  }
  if (pairs.length === 0) throw wrong('it has no image')
  const odd = pairs.slice(0, -1).findIndex(({ text }) => !demonstration.test(text))
  if (odd >= 0) throw wrong(`the text of image ${odd + 1} is not a demonstration of its template`)
  return pairs
}

/** A template's text as a pattern: its slots become groups. */
function slotPattern(text: string): RegExp {
  const parts = text.split(/\{(\w+)\}/g)
  const source = parts.map((part, i) =>
    i % 2 === 1 ? `(?<${part}>[^]*?)` : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  )
  return new RegExp(`^${source.join('')}$`)
}

function wrong(why: string): Refusal {
  return new Refusal(
    400,
    `the local model answers one question about an image, after demonstrations in the form of its template, and this chat is not that: ${why}`,
  )
}
