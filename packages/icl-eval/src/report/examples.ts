import type { EvaluationRow, Example } from '../types.ts'

export interface ExamplesOptions {
  readonly queries: readonly Example[]
  /** Every example that may appear as a demonstration. */
  readonly library: readonly Example[]
  readonly rows: readonly EvaluationRow[]
  readonly shots: number
  /** The selector that the browser is about. */
  readonly focus: string
  /** Wins and losses are counted against it. */
  readonly against: string
  /** Shown after these two, for example `oracle`. */
  readonly others?: readonly string[]
  /** A thumbnail as a data URI. */
  readonly thumbnail: (example: Example) => string | undefined
  /** Default 500. */
  readonly limit?: number
  /** No further question is added when the images take more than this. Default 4,000,000. */
  readonly imageBytes?: number
}

/** A solved example as the browser shows it; `image` is an index, -1 for none. */
export interface ShownExample {
  readonly id: number
  readonly image: number
  readonly question: string
  readonly answer: string
}

export interface ShownPick {
  /** Index in `selectors`. */
  readonly selector: number
  /** Indices in `shown`, in prompt order. */
  readonly demonstrations: readonly number[]
  readonly answer: string
  readonly accuracy: number | null
}

export interface ShownQuestion {
  readonly id: number
  readonly image: number
  readonly question: string
  readonly questionType: string
  readonly answerType: string
  /** Human answers with how often each was given, most frequent first. */
  readonly humans: readonly (readonly [answer: string, count: number])[]
  readonly outcome: 'win' | 'loss' | 'tie'
  readonly picks: readonly ShownPick[]
}

/** The data of the examples browser: plain JSON, each image and demonstration once. */
export interface ReportExamples {
  readonly shots: number
  readonly selectors: readonly string[]
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
  const { queries, library, rows, shots, focus, against, others = [], thumbnail } = options
  const { limit = 500, imageBytes = 4_000_000 } = options
  const selectors = Array.from(new Set([focus, against, ...others]))
  const chosen = new Map<string, EvaluationRow>()
  for (const row of rows) {
    const key = `${row.query} ${row.selector}`
    if ((row.shots === shots || row.shots === 0) && !chosen.has(key)) chosen.set(key, row)
  }
  const images = imageTable(thumbnail)
  const members = new Map(library.map((example) => [example.id, example]))
  const positions = new Map<number, number>()
  const shown: ShownExample[] = []
  const show = (id: number): number => {
    const known = positions.get(id)
    if (known !== undefined) return known
    const example = members.get(id) ?? {
      id,
      questionId: id,
      imageId: null,
      question: `example ${id}`,
      answer: '',
      answers: [],
    }
    positions.set(id, shown.length)
    const { question, answer } = example
    return shown.push({ id, image: images.add(example), question, answer }) - 1
  }
  const complete = queries.flatMap((query) => {
    const found = selectors.map((name) => chosen.get(`${query.id} ${name}`))
    return found[0] && found[1] ? [{ query, found }] : []
  })
  if (complete.length === 0) {
    throw new RangeError(`icl-eval: no question has rows of ${focus} and ${against} at ${shots} shots`)
  }
  const questions: ShownQuestion[] = []
  for (const { query, found } of complete.slice(0, limit)) {
    if (images.bytes() > imageBytes) break
    questions.push({
      id: query.id,
      image: images.add(query),
      question: query.question,
      questionType: query.questionType ?? '',
      answerType: query.answerType ?? '',
      humans: countAnswers(query.answers),
      outcome: outcomeOf(found[0]!.accuracy, found[1]!.accuracy),
      picks: found.flatMap((row, selector) =>
        row === undefined
          ? []
          : [
              {
                selector,
                demonstrations: row.demonstrations.map(show),
                answer: row.answer,
                accuracy: row.accuracy,
              },
            ],
      ),
    })
  }
  return { shots, selectors, images: images.list, shown, questions, total: complete.length }
}

interface ImageTable {
  readonly list: readonly string[]
  add(example: Example): number
  bytes(): number
}

function imageTable(thumbnail: (example: Example) => string | undefined): ImageTable {
  const list: string[] = []
  const known = new Map<string, number>()
  let bytes = 0
  const add = (example: Example): number => {
    const key = example.image ?? `image ${example.imageId ?? `of ${example.id}`}`
    const position = known.get(key)
    if (position !== undefined) return position
    const uri = thumbnail(example)
    const at = uri === undefined ? -1 : list.push(uri) - 1
    bytes += uri?.length ?? 0
    known.set(key, at)
    return at
  }
  return { list, add, bytes: () => bytes }
}

function outcomeOf(focus: number | null, against: number | null): 'win' | 'loss' | 'tie' {
  const difference = (focus ?? 0) - (against ?? 0)
  if (Math.abs(difference) < 1e-9) return 'tie'
  return difference > 0 ? 'win' : 'loss'
}

function countAnswers(answers: readonly string[]): (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  return Array.from(counts).sort((a, b) => b[1] - a[1])
}
