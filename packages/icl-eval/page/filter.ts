import type { ShownQuestion } from '../src/report/examples.ts'

/** What the fields above the examples ask for; '' asks for nothing. */
export interface Wanted {
  readonly outcome: string
  readonly questionType: string
  readonly answerType: string
  readonly text: string
}

/** Does a question have everything that is asked for? The text may stand in the question or in any answer. */
export function matches(question: ShownQuestion, { text, ...fields }: Wanted): boolean {
  const has = (name: keyof typeof fields): boolean => fields[name] === '' || question[name] === fields[name]
  const part = text.trim().toLowerCase()
  return has('outcome') && has('questionType') && has('answerType') && wordsOf(question).includes(part)
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
