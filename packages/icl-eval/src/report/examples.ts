import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { EvaluationRow, Example } from '../types.ts'

/** Rows to show in a report, and how many bytes of images they may take. */
export interface ExamplesOptions {
  /** Questions that may be shown, in their order. */
  readonly queries: readonly Example[]
  /** Every example that may appear as a demonstration. */
  readonly library: readonly Example[]
  /** Rows of the evaluation: what was chosen and answered. */
  readonly rows: readonly EvaluationRow[]
  /** The number of demonstrations whose rows are shown; those at 0 are shown too. */
  readonly shots: number
  /** The selector that the browser is about. */
  readonly focus: string
  /** Wins and losses are counted against it at first; a reader may choose another. */
  readonly against: string
  /** Shown beside these two at first, for example `oracle`. */
  readonly others?: readonly string[]
  /** Every other selector that a reader may choose. */
  readonly more?: readonly string[]
  /** A thumbnail as a data URI. */
  readonly thumbnail: (example: Example) => string | undefined
  /** Default 500. */
  readonly limit?: number
  /**
   * No further question is added when the images take more than this, those of `more` apart: their demonstrations have
   * images as far as there is room. Default 4,000,000.
   */
  readonly imageBytes?: number
}

export const EXAMPLES_OPTIONS: OptionNames<ExamplesOptions> = {
  queries: true,
  library: true,
  rows: true,
  shots: true,
  focus: true,
  against: true,
  others: true,
  more: true,
  thumbnail: true,
  limit: true,
  imageBytes: true,
}

/** A solved example as the browser shows it; `image` is an index, -1 for none. */
export interface ShownExample {
  readonly id: number
  readonly image: number
  readonly question: string
  readonly answer: string
}

/** What one selector showed for a question, and the answer. */
export interface ShownPick {
  /** Index in `selectors`. */
  readonly selector: number
  /** Indices in `shown`, in prompt order. */
  readonly demonstrations: readonly number[]
  readonly answer: string
  readonly accuracy: number | null
}

/** A question of the example browser. */
export interface ShownQuestion {
  readonly id: number
  readonly image: number
  readonly question: string
  readonly questionType: string
  readonly answerType: string
  /** Human answers with how often each was given, most frequent first. */
  readonly humans: readonly (readonly [answer: string, count: number])[]
  readonly picks: readonly ShownPick[]
}

/** The data of the examples browser: plain JSON, each image and demonstration once. */
export interface ReportExamples {
  readonly shots: number
  /** The first is the focus, the second its opponent. */
  readonly selectors: readonly string[]
  /** So many of the selectors are shown at first. */
  readonly first: number
  readonly images: readonly string[]
  readonly shown: readonly ShownExample[]
  readonly questions: readonly ShownQuestion[]
  /** Questions that were evaluated; `questions` may be fewer. */
  readonly total: number
}

/**
 * Collects what the examples browser shows: for every question what each selector chose and what the model then
 * answered. Seeded selectors appear with their first seed. Questions that the focus or its opponent lacks are left
 * out.
 *
 * @throws RangeError if no question is left
 */
export function reportExamples(options: ExamplesOptions): ReportExamples {
  refuseUnknownOptions(options, EXAMPLES_OPTIONS, 'icl-eval: reportExamples')
  const { queries, rows, shots, focus, against, others = [], more = [] } = options
  const { limit = 500, imageBytes = 4_000_000 } = options
  const main = Array.from(new Set([focus, against, ...others]))
  const selectors = Array.from(new Set([...main, ...more]))
  const chosen = new Map<string, EvaluationRow>()
  for (const row of rows) {
    const key = `${row.query} ${row.selector}`
    if ((row.shots === shots || row.shots === 0) && !chosen.has(key)) chosen.set(key, row)
  }
  const complete = queries.flatMap((query) => {
    const found = selectors.map((name) => chosen.get(`${query.id} ${name}`))
    return found[0] && found[1] ? [{ query, found }] : []
  })
  if (complete.length === 0) {
    throw new RangeError(`icl-eval: no question has rows of ${focus} and ${against} at ${shots} shots`)
  }
  const table = demonstrationTable(options)
  const kept: { question: Omit<ShownQuestion, 'picks'>; picks: ShownPick[]; rest: Found }[] = []
  for (const { query, found } of complete.slice(0, limit)) {
    if (table.bytes() > imageBytes) break
    kept.push({
      question: questionOf(query, table.image(query)),
      picks: picksOf(found.slice(0, main.length), 0, table.show),
      rest: found.slice(main.length),
    })
  }
  const room = (): boolean => table.bytes() <= imageBytes
  const showMore = (id: number): number => table.show(id, room())
  const questions = kept.map(({ question, picks, rest }) => ({
    ...question,
    picks: [...picks, ...picksOf(rest, main.length, showMore)],
  }))
  const { images, shown } = table
  return { shots, selectors, first: main.length, images, shown, questions, total: complete.length }
}

type Found = readonly (EvaluationRow | undefined)[]

function questionOf(query: Example, image: number): Omit<ShownQuestion, 'picks'> {
  const { id, question, questionType = '', answerType = '', answers } = query
  return { id, image, question, questionType, answerType, humans: countAnswers(answers) }
}

function picksOf(found: Found, first: number, show: (id: number) => number): ShownPick[] {
  return found.flatMap((row, i) =>
    row === undefined
      ? []
      : [
          {
            selector: first + i,
            demonstrations: row.demonstrations.map((id) => show(id)),
            answer: row.answer,
            accuracy: row.accuracy,
          },
        ],
  )
}

interface DemonstrationTable {
  readonly images: readonly string[]
  readonly shown: readonly ShownExample[]
  /** Place of an example's image in `images`, -1 for none. */
  readonly image: (example: Example) => number
  /** Place of a demonstration in `shown`; one that is new gets its image where `pictured`. Default true. */
  readonly show: (id: number, pictured?: boolean) => number
  readonly bytes: () => number
}

/** Each demonstration and each image once. */
function demonstrationTable({ library, thumbnail }: ExamplesOptions): DemonstrationTable {
  const images = imageTable(thumbnail)
  const members = new Map(library.map((example) => [example.id, example]))
  const positions = new Map<number, number>()
  const shown: ShownExample[] = []
  const unknown = (id: number): Example => ({
    id,
    questionId: id,
    imageId: null,
    question: `example ${id}`,
    answer: '',
    answers: [],
  })
  const show = (id: number, pictured = true): number => {
    const known = positions.get(id)
    if (known !== undefined) return known
    const example = members.get(id) ?? unknown(id)
    const { question, answer } = example
    positions.set(id, shown.length)
    return shown.push({ id, image: images.add(example, pictured), question, answer }) - 1
  }
  return { images: images.list, shown, image: (example) => images.add(example), show, bytes: images.bytes }
}

interface ImageTable {
  readonly list: readonly string[]
  /** One that is new is added only where `wanted`. Default true. */
  readonly add: (example: Example, wanted?: boolean) => number
  readonly bytes: () => number
}

function imageTable(thumbnail: (example: Example) => string | undefined): ImageTable {
  const list: string[] = []
  const known = new Map<string, number>()
  let bytes = 0
  const add = (example: Example, wanted = true): number => {
    const key = example.image ?? `image ${example.imageId ?? `of ${example.id}`}`
    const position = known.get(key)
    if (position !== undefined) return position
    if (!wanted) return -1
    const uri = thumbnail(example)
    const at = uri === undefined ? -1 : list.push(uri) - 1
    bytes += uri?.length ?? 0
    known.set(key, at)
    return at
  }
  return { list, add, bytes: () => bytes }
}

function countAnswers(answers: readonly string[]): (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  return Array.from(counts).sort((a, b) => b[1] - a[1])
}
