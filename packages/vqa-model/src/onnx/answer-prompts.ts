import { isInputError } from '@lever/durable-files'
import { needsOf } from '../prompt/needs.ts'
import { planPrompts, type SegmentedPrompt, type TextSegment } from '../prompt/plan.ts'
import type { Answer, Prompt } from '../types.ts'
import { answerPlan } from './answer-plan.ts'
import type { RowAnswer } from './answer-rows.ts'
import { ImageError } from '../pixels/image-error.ts'
import type { LocalParts } from './local-parts.ts'
import { cutAtStop } from './stops.ts'
import { encodeBefore } from './tokenizer.ts'
import { tokenSegment, type TokenSegment, type VisualTokens } from './segments.ts'

export interface AnswerControl {
  /** called between runs; throws to stop */
  check: () => void
  onProgress: (done: number) => void
  scoresOnly: boolean
}

/** The answers of a call while they come in. */
interface Call {
  readonly parts: LocalParts
  readonly prompts: readonly Prompt[]
  readonly answers: Answer[]
  readonly onProgress: (done: number) => void
  done: number
}

/** Answers in the order of the prompts; what is wrong with one prompt fails that prompt. */
export async function answerPrompts(
  parts: LocalParts,
  prompts: readonly Prompt[],
  { check, onProgress, scoresOnly }: AnswerControl,
): Promise<Answer[]> {
  const { engine, settings, prompter, images, stats } = parts
  const answers = new Array<Answer>(prompts.length)
  const call: Call = { parts, prompts, answers, onProgress, done: 0 }
  const { segmented, places } = segmentPrompts(call)
  stats.prompts += prompts.length
  images?.refresh()
  if (needsOf(parts.read.template).image) await images?.prefetch(prompts.flatMap(imagePaths), check)
  check()
  await answerPlan(
    engine,
    { ...settings, scoresOnly },
    {
      plan: planPrompts(segmented),
      resolve: (segment) => resolveSegment(parts, segment),
      encodeAnswer: prompter.encodeAnswer,
      check,
      onError: (indices, error) => {
        fail(
          call,
          indices.map((i) => places[i]!),
          error,
        )
      },
      onAnswer: (indices, answer) => {
        settle(
          call,
          indices.map((i) => ({ place: places[i]!, scored: segmented[i]!.answers })),
          answer,
        )
      },
    },
  )
  return answers
}

/** The prompts as segments, with their places in the call; a prompt that cannot be one fails. */
function segmentPrompts(call: Call): { segmented: SegmentedPrompt[]; places: number[] } {
  const segmented: SegmentedPrompt[] = []
  const places: number[] = []
  for (const [index, prompt] of call.prompts.entries()) {
    try {
      segmented.push(call.parts.prompter.segments(prompt))
      places.push(index)
    } catch (error) {
      if (isInputError(error)) throw error
      fail(call, [index], error as Error)
    }
  }
  return { segmented, places }
}

async function resolveSegment(
  { read, images, placeImage }: LocalParts,
  segment: TextSegment,
): Promise<TokenSegment> {
  const pieces: (Int32Array | VisualTokens)[] = []
  for (const [i, piece] of segment.pieces.entries()) {
    const next = i === segment.pieces.length - 1 ? segment.next : undefined
    if (typeof piece === 'string') pieces.push(encodeBefore(read.codec, piece, next ?? ''))
    else pieces.push(...placeImage(await images!.get(piece.image)))
  }
  return tokenSegment(pieces, read.folder.imageTokenId)
}

function settle(
  call: Call,
  answered: readonly { place: number; scored: readonly string[] }[],
  { tokens, scores }: RowAnswer,
): void {
  const { codec, postprocess, protocol } = call.parts.read
  const raw = cutAtStop(codec.decode(tokens), protocol.decoding.stop ?? [])
  for (const { place, scored } of answered) {
    call.answers[place] = {
      text: postprocess(raw),
      raw,
      ...(scored.length > 0 && { scores: scores.map((score, j) => ({ answer: scored[j]!, ...score })) }),
    }
  }
  call.onProgress((call.done += answered.length))
}

function fail(call: Call, places: readonly number[], error: Error): void {
  call.parts.stats.failed += places.length
  for (const place of places) {
    const owner = ownerOf(call.prompts[place]!, error)
    call.answers[place] = { text: '', raw: '', error: error.message + owner }
  }
  call.onProgress((call.done += places.length))
}

/** Which example of a prompt an unusable image belongs to. */
function ownerOf({ demonstrations, query }: Prompt, error: Error): string {
  if (!(error instanceof ImageError)) return ''
  const owner = [...demonstrations, query].find(({ image }) => image === error.path)
  return owner === undefined ? '' : ` (the image of example ${owner.id})`
}

function imagePaths({ demonstrations, query }: Prompt): string[] {
  return [...demonstrations, query].flatMap(({ image }) => image ?? [])
}
