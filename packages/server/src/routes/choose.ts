import type { Selection, SelectorChoice } from '@lever/selector'
import { Refusal } from '../http/refusal.ts'
import type { NotedDemonstration } from '../chat/reply.ts'
import type { Serving } from './serving.ts'

/** A question as a request asks it, its image opened. */
export interface Asked {
  readonly image: Uint8Array
  readonly question: string
}

/** What a request wants of a choice. */
export interface Wanted {
  readonly shots?: number
  readonly selector?: SelectorChoice
  readonly exclude?: readonly number[]
  /** id of the question in the numbering of the library */
  readonly id?: number
}

/**
 * The choice for a question, timed.
 *
 * @throws Refusal (503) if it takes longer than the server allows, and what the bundle throws
 */
export async function choose(
  { selector, metrics, timeout }: Serving,
  asked: Asked,
  { id, ...wanted }: Wanted,
): Promise<Selection> {
  const begun = performance.now()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const refuse = (): void =>
      reject(new Refusal(503, `choosing took longer than ${timeout} s; ask again later`))
    timer = setTimeout(refuse, timeout * 1_000)
  })
  try {
    const selection = await Promise.race([selector.select({ ...asked, id }, wanted), late])
    metrics.chose(selection.selector.name, (performance.now() - begun) / 1_000)
    return selection
  } finally {
    clearTimeout(timer)
  }
}

/** The demonstrations of a selection as answers say them: no paths of this machine. */
export function noted({ demonstrations }: Selection): NotedDemonstration[] {
  return demonstrations.map(({ id, question, answer, score, similarity }) => ({
    ...{ id, question, answer, score, similarity },
  }))
}

/** @throws Refusal (409) if the bundle has no image of a demonstration, which a prompt would need */
export function requireImages({ demonstrations }: Selection): void {
  const without = demonstrations.find(({ image, thumbnail }) => image === null && thumbnail === null)
  if (without === undefined) return
  throw new Refusal(
    409,
    `the bundle holds no image of example ${without.id}, so it cannot be shown to a model; make the bundle with images`,
  )
}
