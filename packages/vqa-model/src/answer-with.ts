import { InputError } from '@lever/durable-files'
import type { AnswerScore, VqaAnswer, VqaModel, VqaPrompt } from './types.ts'

/** An example as generating and evaluating name it. The image is missing where the dataset has no file for it. */
interface AskedExample {
  readonly id: number
  readonly image?: string
  readonly question: string
  readonly answer: string
  /** All human answers. */
  readonly answers?: readonly string[]
}

/** What is asked: demonstrations in prompt order, then the query. */
export interface AskedPrompt {
  readonly demonstrations: readonly AskedExample[]
  readonly query: AskedExample
}

/** An answer as RL data keeps it. */
export type AskedAnswer = Pick<VqaAnswer, 'text' | 'raw' | 'scores' | 'error' | 'kind'>

export interface AnswerWithOptions {
  /** The answers of a query whose log-probabilities are wanted, the most important first. */
  readonly score?: (query: AskedExample) => readonly string[]
  /** Score only: decode no answer. */
  readonly scoresOnly?: boolean
}

/** Asks a model; one answer a prompt, in order. */
export type AnswerPrompts = (
  prompts: readonly AskedPrompt[],
  options: { readonly signal?: AbortSignal },
) => Promise<AskedAnswer[]>

/**
 * A model as the `answer` function that `rl-generate` and `icl-eval` take. A prompt with an
 * example that has no image file fails alone.
 */
export function answerWith(
  model: VqaModel,
  { score = () => [], scoresOnly = false }: AnswerWithOptions = {},
): AnswerPrompts {
  return async (prompts, { signal }) => {
    const missing = prompts.map(({ demonstrations, query }) =>
      [...demonstrations, query].find(({ image }) => image === undefined),
    )
    const asked = prompts.filter((_, i) => missing[i] === undefined)
    const answers = await model.answer(
      asked.map((prompt) => ({ ...toVqaPrompt(prompt), scoreAnswers: score(prompt.query) })),
      { ...(signal && { signal }), scoresOnly },
    )
    const results = answers.map(toAskedAnswer).values()
    return missing.map((example) =>
      example === undefined
        ? (results.next().value ?? failed('the model gave no answer'))
        : failed(`example ${example.id} has no image file; check the image folder`),
    )
  }
}

/** The log-probability of the ground truth, or why there is none. */
export type GroundTruth = Pick<AnswerScore, 'logProb' | 'tokens'> | { readonly error: string }

/**
 * A model as the `scoreGroundTruth` function of `growBeams`. A prompt with an example that has no
 * image file fails alone.
 *
 * @throws InputError if the model gives no log-probabilities
 */
export function scoreGroundTruthWith(
  model: VqaModel,
): (prompts: readonly AskedPrompt[], options: { readonly signal?: AbortSignal }) => Promise<GroundTruth[]> {
  const ask = answerWith(model, { score: ({ answer }) => [answer], scoresOnly: true })
  return async (prompts, options) =>
    (await ask(prompts, options)).map(({ error, scores: [score] = [] }) => {
      if (error !== undefined) return { error }
      if (score !== undefined) return score
      throw new InputError(
        `vqa-model: the model ${model.name} gives no probabilities of answers, which InfoScore needs; use --backend onnx, or --backend openai with a server that scores given answers (vLLM)`,
      )
    })
}

/** A prompt of examples that all have images, as a model takes it. */
export function toVqaPrompt({ demonstrations, query }: AskedPrompt): VqaPrompt {
  return {
    demonstrations: demonstrations.map(({ id, image, question, answer }) => ({
      id,
      image: image!,
      question,
      answer,
    })),
    query: { id: query.id, image: query.image!, question: query.question },
  }
}

function failed(error: string): AskedAnswer {
  return { text: '', raw: '', error }
}

function toAskedAnswer({ text, raw, error, kind, scores }: VqaAnswer): AskedAnswer {
  return {
    text,
    raw,
    ...(error !== undefined && { error }),
    ...(kind !== undefined && { kind }),
    ...(scores !== undefined && { scores }),
  }
}
