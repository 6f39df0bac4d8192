import { InputError } from '@lever/durable-files'
import type { OutcomeFields } from './outcome-line.ts'
import type { AnswerFunction, Answer, ExamplePrompt, Score, ScoreFunction } from './types.ts'

export interface ScoringOptions {
  strict: boolean
  allowFallback: boolean
  correctAbove: number
}

/**
 * The outcome of one prompt.
 *
 * @throws InputError (strict) if the answer failed or cannot be scored, or if a fallback score was
 * not allowed; Error (strict) if a server or device failed; Error if the accuracy is outside 0..1
 */
async function scoreOutcome<A extends Answer>(
  prompt: ExamplePrompt,
  answer: A,
  score: ScoreFunction<A>,
  { strict, allowFallback, correctAbove }: ScoringOptions,
): Promise<OutcomeFields> {
  if (answer.error !== undefined) return failed(prompt, answer, answer.error, strict)
  let scored
  try {
    scored = await score(answer.text, prompt.query, answer)
  } catch (error) {
    return failed(prompt, answer, error instanceof Error ? error.message : String(error), strict, error)
  }
  const { accuracy, mode, gtProb } = scored
  for (const value of accuracy === undefined ? [gtProb] : [accuracy, gtProb ?? 0]) {
    if (value >= 0 && value <= 1) continue
    throw new Error(`rl-generate: the score of ${describe(prompt)} is ${value}, not in 0..1`)
  }
  if (mode === 'fallback' && !allowFallback) {
    throw new InputError(
      `rl-generate: ${describe(prompt)} was scored by the string matcher; give the annotation file, or allow it with --allow-fallback`,
    )
  }
  return {
    ...(scored.accuracy !== undefined && decodedFields(answer, scored, correctAbove)),
    ...(gtProb === undefined ? {} : { vqa_gt_prob: gtProb }),
    ...(scored.split === undefined ? {} : { eval_split_used: scored.split }),
    vqa_eval_mode: mode,
    eval_failed: false,
  }
}

/** What only a decoded answer has. */
function decodedFields(
  { raw, text }: Answer,
  { accuracy, relTokenF1, relEditSim, rel }: Score,
  correctAbove: number,
): OutcomeFields {
  return {
    vqa_raw_generation: raw ?? text,
    vqa_pred_answer: text,
    vqa_correct: accuracy > correctAbove ? 1 : 0,
    vqa_acc_score: accuracy,
    ...(relTokenF1 === undefined ? {} : { vqa_rel_token_f1: relTokenF1 }),
    ...(relEditSim === undefined ? {} : { vqa_rel_edit_sim: relEditSim }),
    ...(rel === undefined ? {} : { vqa_rel_score: rel }),
  }
}

/**
 * Asks the model and scores. A prompt with an example that has neither an image file nor a context is not asked. One
 * outcome that fails does not take the others of its batch with it.
 *
 * @throws what `answer` throws; Error for a wrong number of answers
 */
export async function measureBatch<A extends Answer>(
  prompts: readonly ExamplePrompt[],
  answer: AnswerFunction<A>,
  score: ScoreFunction<A>,
  options: ScoringOptions,
  call: { signal: AbortSignal; recorded: Promise<void> },
): Promise<PromiseSettledResult<OutcomeFields>[]> {
  const missing = prompts.map(missingImage)
  const asked = prompts.filter((_, i) => missing[i] === undefined)
  const answers = asked.length === 0 ? [] : await answer(asked, call)
  if (answers.length !== asked.length) {
    throw new Error(`rl-generate: the model gave ${answers.length} answers to ${asked.length} prompts`)
  }
  const rest = answers.values()
  return Promise.allSettled(
    prompts.map((prompt, i) => {
      const why = missing[i]
      const given = why === undefined ? rest.next().value! : ({ text: '', error: why } as A)
      return scoreOutcome(prompt, given, score, options)
    }),
  )
}

function missingImage({ demonstrations, query }: ExamplePrompt): string | undefined {
  const example = [...demonstrations, query].find(
    ({ image, context }) => image === undefined && context === undefined,
  )
  return example && `example ${example.id} has no image file`
}

function failed(
  prompt: ExamplePrompt,
  answer: Answer,
  why: string,
  strict: boolean,
  cause?: unknown,
): OutcomeFields {
  const { kind } = answer
  if (strict) {
    const what = `rl-generate: ${describe(prompt)} could not be measured: ${why}`
    if (kind === 'transient') {
      throw new Error(`${what}; run the same command again once the server or device works`, { cause })
    }
    throw new InputError(
      `${what}; repair it and run the same command again, or record such outcomes as errors with --no-strict`,
      { cause },
    )
  }
  return {
    vqa_raw_generation: answer.raw ?? answer.text,
    vqa_pred_answer: answer.text,
    vqa_correct: null,
    vqa_acc_score: null,
    vqa_eval_mode: 'error',
    eval_failed: true,
    eval_error: why,
    ...(kind === undefined ? {} : { eval_error_kind: kind }),
  }
}

function describe({ demonstrations, query }: ExamplePrompt): string {
  return `query ${query.id} with pointer [${demonstrations.map(({ id }) => id).join(', ')}]`
}
