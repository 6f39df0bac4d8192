import type { Prompt } from '../types.ts'

/** Prompts in a part of a large call; a small call is split only so far that parts have `SMALL`. */
const LARGE = 256
const SMALL = 64
/** Scores depend on what runs together in their last digits, so they are split as for so many workers. */
const SCORERS = 2

/**
 * The parts of a call: as many as workers can share, and with `scoresOnly` the same for any number of workers.
 *
 * @returns lists of indices
 */
export function splitCall(
  prompts: readonly Prompt[],
  { workers, scoresOnly }: { workers: number; scoresOnly: boolean },
): number[][] {
  const sharing = scoresOnly ? SCORERS : workers
  const { length } = prompts
  return splitPrompts(
    prompts,
    Math.max(Math.ceil(length / LARGE), Math.min(sharing, Math.ceil(length / SMALL))),
  )
}

/**
 * Prompts in parts of about equal size, for several workers: sorted by their demonstrations
 * first, so that prompts with the same beginning come into the same part. Depends on nothing but
 * its arguments.
 *
 * @returns lists of indices
 */
export function splitPrompts(prompts: readonly Prompt[], parts: number): number[][] {
  const keys = prompts.map(({ demonstrations }) =>
    demonstrations
      .map(({ id, image = '', context = '', question, answer }) =>
        [id, image, context, question, answer].join('\x01'),
      )
      .join('\0'),
  )
  const order = prompts.map((_, index) => index)
  order.sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b))
  const count = Math.max(1, Math.min(parts, prompts.length))
  return Array.from({ length: count }, (_, part) =>
    order.slice(Math.floor((part * order.length) / count), Math.floor(((part + 1) * order.length) / count)),
  ).filter((list) => list.length > 0)
}
