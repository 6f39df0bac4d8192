import { InputError } from '@lever/durable-files'
import { compileSkeleton, fillSegment, type Skeleton } from '../prompt/skeleton.ts'
import { chatMessages } from '../prompt/messages.ts'
import type { SegmentedPrompt, TextSegment } from '../prompt/plan.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { PromptWithImages } from '../types.ts'
import type { TextCodec } from './tokenizer.ts'

export interface Prompter {
  /** @throws Error if a text holds one of the model's special tokens */
  segments: (prompt: PromptWithImages) => SegmentedPrompt
  /** Token ids of an answer as the model would write it after a prompt. */
  encodeAnswer: (answer: string) => Int32Array
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
  return {
    encodeAnswer: createAnswerEncoder(parts, skeletonOf(0)),
    segments({ demonstrations, query, scoreAnswers = [] }) {
      const units = [...demonstrations, query]
      for (const { id, question, ...rest } of units) {
        refuseSpecial(question, 'question', id)
        if ('answer' in rest) refuseSpecial(rest.answer as string, 'answer', id)
      }
      const segments = skeletonOf(demonstrations.length).segments.map((part): TextSegment => {
        const pieces = fillSegment(part, {
          question: (unit) => units[unit]!.question,
          answer: (unit) => demonstrations[unit]!.answer,
        }).map((piece) => (typeof piece === 'string' ? piece : { image: units[piece.image]!.image }))
        const key = pieces
          .map((piece) => (typeof piece === 'string' ? `\0${piece}` : `\x01${piece.image}`))
          .join('')
        return { key, pieces }
      })
      return { segments, answers: scoreAnswers }
    },
  }
}

/** The skeleton of prompts with so many demonstrations, tried on texts of its own. */
function checkedSkeleton({ codec, template, system, imageToken }: PrompterParts, shots: number): Skeleton {
  const { specialTokens, render } = codec
  const skeleton = compileSkeleton({ template, system, shots, render, imageToken, specialTokens })
  const questions = Array.from({ length: shots + 1 }, (_, i) => `what colour is number ${i} ?`)
  const answers = Array.from({ length: shots }, (_, i) => `red ${i}`)
  const whole = render(chatMessages(template, { questions, answers }, system))
  const parts = skeleton.segments.flatMap((segment) =>
    fillSegment(segment, { question: (unit) => questions[unit]!, answer: (unit) => answers[unit]! }),
  )
  const texts = parts.map((piece) => (typeof piece === 'string' ? piece : imageToken))
  const apart = texts.flatMap((text) => [...codec.encode(text)])
  if (texts.join('') === whole && apart.join() === codec.encode(whole).join()) return skeleton
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
function createAnswerEncoder(
  { codec, template, system }: PrompterParts,
  skeleton: Skeleton,
): Prompter['encodeAnswer'] {
  const last = skeleton.segments.at(-1)!.at(-1)!
  const ending = typeof last === 'string' ? last : ''
  const tail = ending.slice(afterSpecial(ending, codec.specialTokens))
  const tailIds = codec.encode(tail)
  const lead = answerLead(codec, template, system)
  return (answer) => {
    const text = answer.trim() === '' ? '' : lead + answer.trim()
    const both = codec.encode(tail + text)
    return tailIds.every((id, i) => both[i] === id) ? both.subarray(tailIds.length) : codec.encode(text)
  }
}

function afterSpecial(text: string, specialTokens: readonly string[]): number {
  const ends = specialTokens.map(
    (token) => text.lastIndexOf(token) + token.length * Number(text.includes(token)),
  )
  return Math.max(0, ...ends)
}

/** What the chat template writes between the end of a prompt and an answer, such as a space. */
function answerLead({ render }: TextCodec, template: PromptTemplate, system: string | null): string {
  const mark = 'answer'
  const chat = chatMessages(template, { questions: ['question'], answers: [] }, system)
  const prompt = render(chat)
  const answered = render([...chat, { role: 'assistant', content: [{ type: 'text', text: mark }] }])
  const at = answered.indexOf(mark, prompt.length)
  const lead = answered.startsWith(prompt) && at >= 0 ? answered.slice(prompt.length, at) : ''
  return lead.trim() === '' ? lead : ''
}
