import type { VqaPrompt } from '../types.ts'

/**
 * Prompts in parts of about equal size, for several workers: sorted by their demonstrations
 * first, so that prompts with the same beginning come into the same part. Depends on nothing but
 * its arguments.
 *
 * @returns lists of indices
 */
export function splitPrompts(prompts: readonly VqaPrompt[], parts: number): number[][] {
  const keys = prompts.map(({ demonstrations }) =>
    demonstrations
      .map(({ id, image, question, answer }) => `${id}\x01${image}\x01${question}\x01${answer}`)
      .join('\0'),
  )
  const order = prompts.map((_, index) => index)
  order.sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b))
  const count = Math.max(1, Math.min(parts, prompts.length))
  return Array.from({ length: count }, (_, part) =>
    order.slice(Math.floor((part * order.length) / count), Math.floor(((part + 1) * order.length) / count)),
  ).filter((list) => list.length > 0)
}
