import type { Prompt } from './types.ts'

/** @throws RangeError for a prompt that has no answers to score, whose outcome would be an empty text */
export function requireScoreAnswers(prompts: readonly Prompt[]): void {
  const without = prompts.findIndex(({ scoreAnswers = [] }) => scoreAnswers.length === 0)
  if (without < 0) return
  throw new RangeError(
    `vqa-model: only scores are asked for (scoresOnly), but prompt ${without} of the call has no scoreAnswers`,
  )
}
