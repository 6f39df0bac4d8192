import { fallbackScore, scoreAnswer } from '@lever/vqa-eval'

interface Scored {
  readonly answers: readonly string[]
  readonly id: number
}

/** With fewer human answers the official accuracy of a right answer is below 1. */
const ENOUGH = 4

/**
 * The official accuracy, as the function that `rl-generate` and `icl-eval` take. The fallback, a
 * string match, is used only where a question has too few answers and `allowFallback` is true.
 */
export function officialScore({ allowFallback = false }: { allowFallback?: boolean } = {}): (
  prediction: string,
  example: Scored,
) => {
  accuracy: number
  mode: 'file' | 'fallback'
} {
  const known = new Map<Scored, Map<string, number>>()
  return (prediction, example) => {
    if (example.answers.length < ENOUGH && allowFallback) {
      return { accuracy: fallbackScore(prediction, example.answers).accuracy, mode: 'fallback' }
    }
    const scores = known.get(example) ?? new Map<string, number>()
    known.set(example, scores)
    const accuracy = scores.get(prediction) ?? scoreAnswer(prediction, example.answers).accuracy
    scores.set(prediction, accuracy)
    return { accuracy, mode: 'file' }
  }
}
