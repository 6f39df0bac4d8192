import { cleanAnswer, compareAnswers, directAccuracy, normalizeAnswer, type TextForms } from '@lever/vqa-eval'
import type { Dataset } from './dataset.ts'
import type { Example } from './example.ts'
import { FORMATS } from './format-of.ts'

export interface Share {
  readonly name: string
  readonly count: number
  /** 0..1 */
  readonly share: number
}

export interface Spread {
  readonly min: number
  readonly mean: number
  readonly max: number
}

/** What is in a dataset. */
export interface DatasetDescription {
  readonly form: Dataset['form']
  readonly name: string
  readonly split: string
  readonly hash: string
  readonly questions: {
    readonly count: number
    readonly words: Spread
    readonly withChoices: number
    readonly types: readonly Share[]
  }
  readonly images: {
    readonly count: number
    readonly questionsEach: Spread
    /** Questions whose image file is there. */
    readonly found: number
    /** Ids of the first ten images that are not. */
    readonly missing: { readonly count: number; readonly first: readonly (number | string | null)[] }
  }
  readonly answers: {
    /** Questions that have human answers. */
    readonly questions: number
    readonly each: Spread
    readonly types: readonly Share[]
    /** Share of the humans who give the most frequent answer, a mean over the questions. */
    readonly agreement: number
    /** Share of the questions on which all humans agree. */
    readonly unanimous: number
    /** Different reference answers, and the ten most frequent of them. */
    readonly distinct: number
    readonly top: readonly Share[]
  }
  readonly metric: 'official' | 'aokvqa'
  /** In percent, by the metric; null without answers. */
  readonly baselines: {
    /** The best answer to every question. */
    readonly ceiling: number
    /** The same answer to every question: the most frequent one. */
    readonly majority: { readonly answer: string; readonly accuracy: number }
  } | null
  readonly notices: readonly string[]
}

/** Counts, answer agreement, and what the best and the most frequent answers would score. */
export function describeDataset({ examples, notices, form, name, split, hash }: Dataset): DatasetDescription {
  const answered = examples.filter(({ answers }) => answers.length > 0)
  const images = countBy(examples, ({ imageId }) => imageId)
  const missing = new Set(examples.filter(({ image }) => image === undefined).map(({ imageId }) => imageId))
  const references = shares(
    countBy(answered, ({ answer }) => answer),
    answered.length,
  )
  const score = createScore()
  const top = references[0]?.name ?? ''
  return {
    form,
    name,
    split,
    hash,
    questions: {
      count: examples.length,
      words: spread(
        examples.map(({ question }) => question.split(/\s+/).filter((word) => word !== '').length),
      ),
      withChoices: examples.filter(({ choices }) => choices !== undefined).length,
      types: shares(
        countBy(examples, ({ questionType = '' }) => questionType),
        examples.length,
      ),
    },
    images: {
      count: images.size,
      questionsEach: spread([...images.values()]),
      found: examples.filter(({ image }) => image !== undefined).length,
      missing: { count: missing.size, first: [...missing].slice(0, 10) },
    },
    answers: {
      questions: answered.length,
      each: spread(answered.map(({ answers }) => answers.length)),
      types: shares(
        countBy(examples, ({ answerType = '' }) => answerType),
        examples.length,
      ),
      agreement: mean(answered.map(({ answers }) => largest(answers) / answers.length)),
      unanimous: mean(answered.map(({ answers }) => Number(largest(answers) === answers.length))),
      distinct: references.length,
      top: references.slice(0, 10),
    },
    metric: examples.some(({ metric }) => metric === 'aokvqa') ? 'aokvqa' : 'official',
    baselines:
      answered.length === 0
        ? null
        : {
            ceiling: 100 * mean(answered.map((example) => score.best(example))),
            majority: {
              answer: top,
              accuracy: 100 * mean(answered.map((example) => score.of(top, example))),
            },
          },
    notices: [...notices, ...unansweredNotice(form, examples.length - answered.length, examples.length)],
  }
}

/** How many questions have no answers, and where to add them. */
function unansweredNotice(form: Dataset['form'], without: number, all: number): string[] {
  if (without === 0) return []
  return [
    `${without} of ${all} questions have no answers, so no answer to them can be scored; add ${FORMATS[form].answersIn}`,
  ]
}

/** Images that two datasets share. */
export interface ImageLeakage {
  /** Places in the list of datasets. */
  readonly between: readonly [number, number]
  /** Images that both have. */
  readonly images: number
  /** Questions of the first and of the second that are about them. */
  readonly questions: readonly [number, number]
  /** Question ids that both have. */
  readonly sameQuestions: number
}

/** What every two of some splits share; images are known by their ids. */
export function leakageBetween(datasets: readonly Pick<Dataset, 'examples'>[]): ImageLeakage[] {
  const sides = datasets.map(({ examples }) => ({
    examples,
    images: new Set(examples.map(({ imageId }) => String(imageId))),
    ids: new Set(examples.map(({ questionId }) => questionId)),
  }))
  return sides.flatMap((a, i) =>
    sides.slice(i + 1).map((b, j) => {
      const shared = new Set([...a.images].filter((image) => b.images.has(image)))
      const about = (examples: readonly Example[]): number =>
        examples.filter(({ imageId }) => shared.has(String(imageId))).length
      return {
        between: [i, i + 1 + j] as const,
        images: shared.size,
        questions: [about(a.examples), about(b.examples)] as const,
        sameQuestions: [...a.ids].filter((id) => b.ids.has(id)).length,
      }
    }),
  )
}

interface Score {
  of(prediction: string, example: Example): number
  best(example: Example): number
}

/** The metric of each example, every text normalised once. */
function createScore(): Score {
  const [clean, normalize] = [remembered(cleanAnswer), remembered(normalizeAnswer)]
  const forms: TextForms<string> = { clean, normalize }
  const of: Score['of'] = (prediction, { answers, metric }) =>
    metric === 'aokvqa'
      ? directAccuracy(prediction, answers)
      : compareAnswers(forms, prediction, answers, null, 'official').accuracy
  return {
    of,
    best(example) {
      const { answers, metric } = example
      if (metric === 'aokvqa') return of(mostFrequentOf(answers), example)
      const cleaned = answers.map(clean)
      const compared = cleaned.every((text) => text === cleaned[0]) ? cleaned : cleaned.map(normalize)
      return of(answers[compared.indexOf(mostFrequentOf(compared))]!, example)
    },
  }
}

function remembered(form: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const after = form(text)
    known.set(text, after)
    return after
  }
}

function countBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, number> {
  const counts = new Map<K, number>()
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1)
  return counts
}

/** Most frequent first, ties by name. */
function shares(counts: ReadonlyMap<string, number>, total: number): Share[] {
  return Array.from(counts, ([name, count]) => ({ name, count, share: count / total })).sort(
    (a, b) => b.count - a.count || (a.name < b.name ? -1 : 1),
  )
}

function largest(texts: readonly string[]): number {
  let most = 0
  for (const count of countBy(texts, (text) => text).values()) most = Math.max(most, count)
  return most
}

function mostFrequentOf(texts: readonly string[]): string {
  let [best, most] = ['', 0]
  for (const [text, count] of countBy(texts, (one) => one)) if (count > most) [best, most] = [text, count]
  return best
}

function spread(values: readonly number[]): Spread {
  let [min, max] = [Infinity, -Infinity]
  for (const value of values) {
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  return values.length === 0 ? { min: 0, mean: 0, max: 0 } : { min, mean: mean(values), max }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
