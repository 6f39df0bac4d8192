import { InputError } from '@lever/durable-files'
import { compileSkeleton, fillSegment, type Skeleton } from '../prompt/skeleton.ts'
import { chatMessages } from '../prompt/messages.ts'
import type { SegmentedPrompt, TextSegment } from '../prompt/plan.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { PromptWithImages } from '../types.ts'
import type { TextCodec } from './tokenizer.ts'

export interface Prompter {
  /** @throws Error when a text holds one of the model's special tokens */
  segments: (prompt: PromptWithImages) => SegmentedPrompt
  /** Token ids of an answer as the model would write it after a prompt. */
  encodeAnswer: (answer: string) => Int32Array
}

const MAX_REMEMBERED_TEXTS = 50_000

/**
 * Turns prompts into segments of text for one model and one template.
 *
 * @throws InputError when the model's chat template or tokenizer does not suit: segments must
 * give the tokens of the whole text
 */
export function createPrompter({
  codec,
  template,
  system,
  imageToken,
}: {
  codec: TextCodec
  template: PromptTemplate
  system: string | null
  imageToken: string
}): Prompter {
  const skeletons = new Map<number, Skeleton>()
  const { specialTokens, render } = codec
  const skeletonOf = (shots: number): Skeleton => {
    let skeleton = skeletons.get(shots)
    if (skeleton === undefined) {
      skeleton = compileSkeleton({ template, system, shots, render, imageToken, specialTokens })
      checkSkeleton(skeleton, shots)
      skeletons.set(shots, skeleton)
    }
    return skeleton
  }

  function checkSkeleton(skeleton: Skeleton, shots: number): void {
    const questions = Array.from({ length: shots + 1 }, (_, i) => `what colour is number ${i} ?`)
    const answers = Array.from({ length: shots }, (_, i) => `red ${i}`)
    const whole = codec.render(chatMessages(template, { questions, answers }, system))
    const parts = skeleton.segments.flatMap((segment) =>
      fillSegment(segment, { question: (unit) => questions[unit]!, answer: (unit) => answers[unit]! }),
    )
    const texts = parts.map((piece) => (typeof piece === 'string' ? piece : imageToken))
    const apart = texts.flatMap((text) => [...codec.encode(text)])
    if (texts.join('') === whole && apart.join() === codec.encode(whole).join()) return
    throw new InputError(
      `vqa-model: the chat template or tokenizer of this model changes texts depending on what is around them ` +
        `(seen with ${shots} demonstrations), so prompts cannot be put together from parts; use another model`,
    )
  }

  const last = skeletonOf(0).segments.at(-1)!.at(-1)!
  const ending = typeof last === 'string' ? last : ''
  const tail = ending.slice(afterSpecial(ending, specialTokens))
  const tailIds = codec.encode(tail)
  const lead = answerLead(codec, template, system)
  const harmless = new Set<string>()

  /** What counts is which tokens a text becomes, however it spells them. */
  function refuseSpecial(text: string, what: string, id: number): void {
    if (harmless.has(text)) return
    const encoded = codec.encode(text).find((token) => codec.specialIds.has(token))
    const found =
      encoded === undefined ? specialTokens.find((token) => text.includes(token)) : codec.tokenText(encoded)
    if (found !== undefined) {
      throw new Error(
        `vqa-model: the ${what} of example ${id} holds the model's special token ${found}; remove it`,
      )
    }
    if (harmless.size >= MAX_REMEMBERED_TEXTS) harmless.clear()
    harmless.add(text)
  }

  return {
    segments({ demonstrations, query, scoreAnswers = [] }) {
      const units = [...demonstrations, query]
      for (const { id, question, ...rest } of units) {
        refuseSpecial(question, 'question', id)
        if ('answer' in rest) refuseSpecial(rest.answer as string, 'answer', id)
      }
      const segments = skeletonOf(demonstrations.length).segments.map((parts): TextSegment => {
        const pieces = fillSegment(parts, {
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
    encodeAnswer(answer) {
      const text = answer.trim() === '' ? '' : lead + answer.trim()
      const both = codec.encode(tail + text)
      return tailIds.every((id, i) => both[i] === id) ? both.subarray(tailIds.length) : codec.encode(text)
    },
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
