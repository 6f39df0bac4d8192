import { InputError } from '@lever/durable-files'
import type { Example } from '@lever/vqa-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Answer, ExamplePrompt, ScoredAnswer, VqaModel } from './types.ts'

/** How examples become prompts. */
export interface AnswerWithOptions {
  /** The answers of a query whose log-probabilities are wanted, the most important first. */
  readonly score?: (query: Example) => readonly string[]
  /** Score only: decode no answer. */
  readonly scoresOnly?: boolean
}

export const ANSWER_WITH_OPTIONS: OptionNames<AnswerWithOptions> = { score: true, scoresOnly: true }

/** Asks a model; one answer a prompt, in order. */
export type AnswerPrompts = (
  prompts: readonly ExamplePrompt[],
  options: { readonly signal?: AbortSignal },
) => Promise<Answer[]>

/** A model as the `answer` function that `rl-generate` and `icl-eval` take, asked for the scores of some answers too. */
export function answerWith(model: Pick<VqaModel, 'answer'>, options: AnswerWithOptions = {}): AnswerPrompts {
  refuseUnknownOptions(options, ANSWER_WITH_OPTIONS, 'vqa-model: answerWith')
  const { score = () => [], scoresOnly = false } = options
  return (prompts, { signal }) =>
    model.answer(
      prompts.map((prompt) => ({ ...prompt, scoreAnswers: score(prompt.query) })),
      { ...(signal && { signal }), scoresOnly },
    )
}

/** The log-probability of the ground truth, or why there is none. */
export type GroundTruth = Pick<ScoredAnswer, 'logProb' | 'tokens'> | { readonly error: string }

/**
 * A model as the `scoreGroundTruth` function of `growBeams`. A prompt with an example that has no
 * image file fails alone.
 *
 * @throws InputError if the model gives no log-probabilities
 */
export function scoreGroundTruthWith(
  model: VqaModel,
): (prompts: readonly ExamplePrompt[], options: { readonly signal?: AbortSignal }) => Promise<GroundTruth[]> {
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
