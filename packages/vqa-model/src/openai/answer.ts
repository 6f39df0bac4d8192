import { InputError } from '@lever/durable-files'
import type { PromptTemplate } from '../templates/template.ts'
import type { ScoredAnswer, Answer, VqaModelStats, Prompt } from '../types.ts'
import type { Call, PromptFailure } from './caller.ts'
import { promptMessages, type Message } from './chat.ts'
import type { ImageUrls } from './image-urls.ts'
import { createProbe, scoreAnswer, type Complete, type Scoring } from './scores.ts'

/** What it takes to ask a model at servers. `stats` is counted up. */
export interface Asker {
  readonly model: string
  /** fields of every request besides model and messages */
  readonly request: Readonly<Record<string, unknown>>
  readonly template: PromptTemplate
  readonly system: string | null
  readonly postprocess: (text: string) => string
  readonly images: ImageUrls
  readonly call: Call
  readonly stats: VqaModelStats
  /** most prompts at one time */
  readonly lanes: number
}

/** One call of `answer`: its signal, and what it asks for. */
export interface Run {
  /** aborted, with the reason, as soon as the call cannot succeed any more */
  readonly ended: AbortController
  readonly onProgress: (done: number) => void
  readonly scoresOnly: boolean
}

export type AnswerAll = (prompts: readonly Prompt[], run: Run) => Promise<Answer[]>

/** Answers prompts in their order, many at one time; what the servers' scores look like is found out once. */
export function createAnswerAll(asker: Asker): AnswerAll {
  const { images, stats } = asker
  const scoring = createProbe((signal) => completeWith(asker, signal))
  return async (prompts, run) => {
    const { signal } = run.ended
    images.refresh()
    if (prompts.some(({ scoreAnswers = [] }) => scoreAnswers.length > 0)) await scoring(signal)
    stats.prompts += prompts.length
    const answers = new Array<Answer>(prompts.length)
    let [next, done] = [0, 0]
    const lane = async (): Promise<void> => {
      for (let index = next++; index < prompts.length; index = next++) {
        signal.throwIfAborted()
        answers[index] = await answerOne(asker, scoring, prompts[index]!, run)
        run.onProgress((done += 1))
      }
    }
    const end = (reason: unknown): void => run.ended.abort(reason)
    const lanes = Array.from({ length: Math.min(prompts.length, asker.lanes) }, () => lane().catch(end))
    await Promise.all(lanes)
    signal.throwIfAborted()
    return answers
  }
}

async function answerOne(
  asker: Asker,
  scoring: (signal: AbortSignal) => Promise<Scoring>,
  prompt: Prompt,
  { ended: { signal }, scoresOnly }: Run,
): Promise<Answer> {
  const { stats, images, template, system, postprocess } = asker
  const complete = completeWith(asker, signal)
  let messages: Message[]
  try {
    messages = await promptMessages(prompt, template, system, (path) => images.get(path))
  } catch (error) {
    return failed(stats, { error: (error as Error).message, kind: 'prompt' })
  }
  // Scores need the length of the prompt, which comes with an answer of one token too.
  const said = await complete(messages, scoresOnly ? { max_tokens: 1 } : {}, !scoresOnly)
  if ('error' in said) return failed(stats, said)
  stats.prefillTokens += said.promptTokens
  stats.decodeSteps += Math.max(0, said.completionTokens - 1)
  const answer = scoresOnly ? { text: '', raw: '' } : { text: postprocess(said.text), raw: said.raw }
  if (prompt.scoreAnswers === undefined || prompt.scoreAnswers.length === 0) return answer
  const scores: ScoredAnswer[] = []
  for (const wanted of prompt.scoreAnswers) {
    const score = await scoreAnswer(complete, await scoring(signal), messages, said.promptTokens, wanted)
    if ('error' in score) return failed(stats, score)
    scores.push(score)
  }
  return { ...answer, scores }
}

/** @throws what ends the whole call, from `complete` */
function completeWith({ call, model, request, stats }: Asker, signal: AbortSignal): Complete {
  return async (messages, fields, wantsText) => {
    const completion = await call({ json: { model, ...request, messages, ...fields }, wantsText }, signal)
    if ('error' in completion) return completion
    // OpenAI answers "gpt-4o" as "gpt-4o-2024-08-06".
    if (completion.model?.startsWith(model) === false) {
      throw new InputError(
        `vqa-model: a server answers as ${completion.model} and was asked as ${model}; its answers are not kept, check --base-url`,
      )
    }
    stats.decoderRuns += 1
    return completion
  }
}

function failed(stats: VqaModelStats, failure: PromptFailure): Answer {
  stats.failed += 1
  return { text: '', raw: '', ...failure }
}
