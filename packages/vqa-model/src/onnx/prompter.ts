import { InputError } from '@lever/durable-files'
import {
  beginningOf,
  compileSkeleton,
  fillSegment,
  renderPrompt,
  uncut,
  type Skeleton,
} from '../prompt/skeleton.ts'
import { chatMessages, type PromptTexts } from '../prompt/messages.ts'
import { needsOf } from '../prompt/needs.ts'
import { SEPARATOR } from '../prompt/plain.ts'
import type { SegmentedPrompt, TextSegment } from '../prompt/plan.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { Prompt } from '../types.ts'
import { encodeBefore, type TextCodec } from './tokenizer.ts'

export interface Prompter {
  /** @throws Error if a text holds one of the model's special tokens */
  segments: (prompt: Prompt) => SegmentedPrompt
  /** Token ids of an answer as the model would write it after a prompt. */
  encodeAnswer: (answer: string) => Int32Array
  /** The token that follows a demonstration's answer in plain text; undefined where an end token does. */
  endToken: number | undefined
}

/** What prompts of one model are made with. */
export interface PrompterParts {
  codec: TextCodec
  template: PromptTemplate
  system: string | null
  imageToken: string
}

const MAX_REMEMBERED_TEXTS = 50_000

/**
 * Turns prompts into segments of text for one model and one template.
 *
 * @throws InputError if the model's chat template or tokenizer does not suit: segments must give the tokens of the
 * whole text
 */
export function createPrompter(parts: PrompterParts): Prompter {
  const skeletons = new Map<number, Skeleton>()
  const skeletonOf = (shots: number): Skeleton => {
    let skeleton = skeletons.get(shots)
    if (skeleton === undefined) skeletons.set(shots, (skeleton = checkedSkeleton(parts, shots)))
    return skeleton
  }
  const refuseSpecial = createGuard(parts.codec)
  const { context: showsContext } = needsOf(parts.template)
  return {
    encodeAnswer: createAnswerEncoder(parts, skeletonOf(0)),
    endToken: findEndToken(parts),
    segments({ demonstrations, query, scoreAnswers = [] }) {
      const units = [...demonstrations, query]
      for (const { id, question, context, ...rest } of units) {
        refuseSpecial(question, 'question', id)
        if (showsContext) refuseSpecial(context ?? '', 'context', id)
        if ('answer' in rest) refuseSpecial(rest.answer as string, 'answer', id)
      }
      const skeleton = skeletonOf(demonstrations.length).segments
      const segments = skeleton.map((part, at): TextSegment => {
        const pieces = fillSegment(part, {
          context: (unit) => units[unit]!.context ?? '',
          question: (unit) => units[unit]!.question,
          answer: (unit) => demonstrations[unit]!.answer,
        }).map((piece) => (typeof piece === 'string' ? piece : { image: units[piece.image]!.image! }))
        const key = pieces
          .map((piece) => (typeof piece === 'string' ? `\0${piece}` : `\x01${piece.image}`))
          .join('')
        const next = nextText(parts, skeleton[at + 1])
        return { key, pieces, ...(next !== '' && { next }) }
      })
      return { segments, answers: scoreAnswers }
    },
  }
}

/** Chat templates are cut at special tokens, plain text where nothing but the text around tells tokens apart. */
function nextText({ template }: PrompterParts, next: Skeleton['segments'][number] | undefined): string {
  return template.layout === 'text' ? beginningOf(next) : ''
}

/** The skeleton of prompts with so many demonstrations, tried on texts of its own. */
function checkedSkeleton(options: PrompterParts, shots: number): Skeleton {
  const { codec, template, system, imageToken } = options
  const { specialTokens, render, startText: start } = codec
  const skeleton = compileSkeleton({ template, system, shots, render, imageToken, start, specialTokens })
  const texts: Required<PromptTexts> = {
    questions: Array.from({ length: shots + 1 }, (_, i) => `what colour is number ${i} ?`),
    answers: Array.from({ length: shots }, (_, i) => `red ${i}`),
    contexts: Array.from({ length: shots + 1 }, (_, i) => `a wall with number ${i}.`),
  }
  const whole = renderPrompt(template, texts, { system, start, render })
  const apart = skeleton.segments.flatMap((segment, at) => {
    const pieces = fillSegment(segment, {
      context: (unit) => texts.contexts[unit]!,
      question: (unit) => texts.questions[unit]!,
      answer: (unit) => texts.answers[unit]!,
    }).map((piece) => (typeof piece === 'string' ? piece : imageToken))
    const next = nextText(options, skeleton.segments[at + 1])
    return pieces.map((text, i) => ({
      text,
      ids: i === pieces.length - 1 ? encodeBefore(codec, text, next) : codec.encode(text),
    }))
  })
  const isWhole = apart.map(({ text }) => text).join('') === whole
  if (isWhole && apart.flatMap(({ ids }) => [...ids]).join() === codec.encode(whole).join()) return skeleton
  if (isWhole && template.layout === 'text') return uncut(skeleton)
  throw new InputError(
    `vqa-model: the chat template or tokenizer of this model changes a text depending on what is around it ` +
      `(seen with ${shots} demonstrations), so prompts cannot be put together from parts; use another model`,
  )
}

/** Refuses texts with a special token. What counts is which tokens a text becomes, however it spells them. */
function createGuard({
  encode,
  specialIds,
  specialTokens,
  tokenText,
}: TextCodec): (text: string, what: string, id: number) => void {
  const harmless = new Set<string>()
  return (text, what, id) => {
    if (harmless.has(text)) return
    const encoded = encode(text).find((token) => specialIds.has(token))
    const found =
      encoded === undefined ? specialTokens.find((token) => text.includes(token)) : tokenText(encoded)
    if (found !== undefined) {
      throw new Error(
        `vqa-model: the ${what} of example ${id} holds the model's special token ${found}; remove it`,
      )
    }
    if (harmless.size >= MAX_REMEMBERED_TEXTS) harmless.clear()
    harmless.add(text)
  }
}

/** Encodes an answer together with the end of the prompt, where a tokenizer may join the two. */
function createAnswerEncoder(parts: PrompterParts, skeleton: Skeleton): Prompter['encodeAnswer'] {
  const { codec } = parts
  const tail = endOf(skeleton, codec)
  const tailIds = codec.encode(tail)
  const lead = answerLead(parts)
  return (answer) => {
    const text = answer.trim() === '' ? '' : lead + answer.trim()
    const both = codec.encode(tail + text)
    return tailIds.every((id, i) => both[i] === id) ? both.subarray(tailIds.length) : codec.encode(text)
  }
}

/** The text after the last special token with which all prompts end. */
function endOf(skeleton: Skeleton, { specialTokens }: TextCodec): string {
  const last = skeleton.segments.at(-1)!.at(-1)!
  const ending = typeof last === 'string' ? last : ''
  return ending.slice(afterSpecial(ending, specialTokens))
}

/** The first token of what a prompt in plain text writes after the answer of a demonstration. */
function findEndToken(parts: PrompterParts): number | undefined {
  const { codec, template } = parts
  if (template.layout !== 'text') return undefined
  const [before = '', after = ''] = template.demonstration.split('{answer}')
  const shown = `${before}red`
  const next = `${after}${SEPARATOR}${/^[^{\s]*/.exec(template.query)![0]}`
  return codec.encode(shown + next)[codec.encode(shown).length]
}

function afterSpecial(text: string, specialTokens: readonly string[]): number {
  const ends = specialTokens.map(
    (token) => text.lastIndexOf(token) + token.length * Number(text.includes(token)),
  )
  return Math.max(0, ...ends)
}

/** What the chat template writes between the end of a prompt and an answer, such as a space. */
function answerLead({ codec: { render }, template, system }: PrompterParts): string {
  if (template.layout === 'text') {
    const [before = ''] = template.demonstration.split('{answer}')
    const lead = before.startsWith(template.query) ? before.slice(template.query.length) : ''
    return lead.trim() === '' ? lead : ''
  }
  const mark = 'answer'
  const chat = chatMessages(template, { questions: ['question'], answers: [] }, system)
  const prompt = render(chat)
  const answered = render([...chat, { role: 'assistant', content: [{ type: 'text', text: mark }] }])
  const at = answered.indexOf(mark, prompt.length)
  const lead = answered.startsWith(prompt) && at >= 0 ? answered.slice(prompt.length, at) : ''
  return lead.trim() === '' ? lead : ''
}
