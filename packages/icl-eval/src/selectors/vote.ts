import { normalizeAnswer } from '@lever/vqa-eval'
import type { Answer } from '../types.ts'

/**
 * The answer with the largest sum of weights; answers that the official metric treats as equal are one answer, given
 * in the form seen first. Ties go to the one seen first; no votes give ''.
 */
export function vote(votes: readonly { readonly answer: string; readonly weight: number }[]): string {
  const tally = new Map<string, { answer: string; weight: number }>()
  for (const { answer, weight } of votes) {
    const key = normalizeAnswer(answer)
    const known = tally.get(key)
    if (known === undefined) tally.set(key, { answer, weight })
    else known.weight += weight
  }
  return Array.from(tally.values()).reduce((best, next) => (next.weight > best.weight ? next : best), {
    answer: '',
    weight: -Infinity,
  }).answer
}

/** The majority of answers of a model, those that failed left out; where all failed, the first failure. */
export function voteOf(answers: readonly Answer[]): Answer {
  const given = answers.filter(({ error }) => error === undefined)
  if (given.length === 0) return answers[0] ?? { text: '' }
  return { text: vote(given.map(({ text }) => ({ answer: text, weight: 1 }))) }
}
