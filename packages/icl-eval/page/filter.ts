import type { ShownPick, ShownQuestion } from '../src/report/examples.ts'

export type Outcome = 'win' | 'loss' | 'tie'

/** The two selectors that are compared, as indices. */
export interface Pair {
  readonly focus: number
  readonly against: number
}

/** Which of two selectors was more accurate on a question; a failed answer counts 0. Undefined where one has no row. */
export function outcomeOf({ picks }: ShownQuestion, { focus, against }: Pair): Outcome | undefined {
  const pickOf = (selector: number): ShownPick | undefined => picks.find((pick) => pick.selector === selector)
  const [own, other] = [pickOf(focus), pickOf(against)]
  if (own === undefined || other === undefined) return undefined
  const difference = (own.accuracy ?? 0) - (other.accuracy ?? 0)
  if (Math.abs(difference) < 1e-9) return 'tie'
  return difference > 0 ? 'win' : 'loss'
}

/** What the fields above the examples ask for; '' asks for nothing. */
export interface Wanted {
  readonly outcome: string
  readonly questionType: string
  readonly answerType: string
  readonly text: string
}

/** Does a question have everything that is asked for? The text may stand in the question or in any answer. */
export function matches(question: ShownQuestion, { text, outcome, ...fields }: Wanted, pair: Pair): boolean {
  const has = (name: keyof typeof fields): boolean => fields[name] === '' || question[name] === fields[name]
  const part = text.trim().toLowerCase()
  const ended = outcome === '' || outcomeOf(question, pair) === outcome
  return ended && has('questionType') && has('answerType') && wordsOf(question).includes(part)
}

function wordsOf({ question, humans, picks }: ShownQuestion): string {
  const answers = [...humans.map(([answer]) => answer), ...picks.map(({ answer }) => answer)]
  return [question, ...answers].join(' ').toLowerCase()
}

/** One page of items; a page that there is not becomes the nearest. */
export function pageOf<T>(
  items: readonly T[],
  asked: number,
  size: number,
): { readonly page: number; readonly pages: number; readonly shown: readonly T[] } {
  const pages = Math.max(1, Math.ceil(items.length / size))
  const page = Math.min(Math.max(asked, 0), pages - 1)
  return { page, pages, shown: items.slice(page * size, (page + 1) * size) }
}
