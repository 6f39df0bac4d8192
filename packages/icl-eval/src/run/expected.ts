import { isInputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { AnswerStore, AskOptions } from '../ask.ts'
import { answerKey, createAsker } from '../ask.ts'
import type { Pools } from '../evaluate.ts'
import type { Reporting } from '../progress.ts'
import { isSwapped } from '../summary/split.ts'
import type { Selector } from '../selectors/types.ts'
import type { Answer, EvaluationRow, Example, ExamplePrompt } from '../types.ts'

/** How expected accuracies are measured. */
export interface ExpectedMeasure {
  /** Asks for the log-probabilities of human answers alone, without decoding. */
  readonly answer: AskOptions['answer']
  /** E, 0..1, of what `answer` gave; throws where it gave no log-probabilities. */
  readonly of: (query: Example, answer: Answer) => number
  /** Asks for the answer and for these log-probabilities at once, where that costs less than asking twice. */
  readonly together?: AskOptions['answer'] | undefined
  /** Different human answers that are scored; undefined for all. */
  readonly maxAnswers?: number | undefined
}

const EXPECTED_MEASURE: OptionNames<ExpectedMeasure> = {
  ...{ answer: true, of: true, together: true, maxAnswers: true },
}

/** @throws InputError for a field that does not exist */
export function checkExpected(measure: ExpectedMeasure | undefined): void {
  refuseUnknownOptions(measure, EXPECTED_MEASURE, 'icl-eval: expected')
}

export interface AddExpectedOptions
  extends
    Pick<AskOptions, 'batchSize' | 'concurrency' | 'signal'>,
    Pick<Reporting, 'onProgress' | 'onNotice'> {
  readonly measure: ExpectedMeasure
  readonly journal: AnswerStore
  readonly protocol: string
  readonly queries: readonly Example[]
  readonly pools: Pools
  readonly library?: readonly Example[]
  readonly selectors: readonly Selector[]
}

/**
 * The rows with the expected accuracy of their prompt; unchanged where the model gives no probabilities, which is said
 * once. A row whose answer took no prompt, or several, has none. Kept in the journal as answers are, so that rows of an
 * evaluation from before can be given theirs.
 */
export async function addExpected(
  rows: readonly EvaluationRow[],
  options: AddExpectedOptions,
): Promise<readonly EvaluationRow[]> {
  const { measure, journal, protocol, onProgress, onNotice, batchSize, concurrency, signal } = options
  const promptOf = promptsOf(options)
  const wanted = rows.flatMap((row) => {
    const isAsked = row.accuracy !== null && row.prompts === undefined && !isSwapped(row.selector)
    const prompt = isAsked ? promptOf(row) : undefined
    const isAnswered = prompt?.query.answers.some((answer) => answer.trim() !== '') === true
    return isAnswered ? [{ row, prompt }] : []
  })
  const [first] = wanted
  if (first === undefined) return rows
  let last = { done: 0, total: 0 }
  const tell = (ended: boolean): void =>
    onProgress?.({ stage: 'expected', done: last.done, total: last.total, unit: 'prompts', ended })
  const asker = createAsker({
    answer: measure.answer,
    journal,
    protocol: protocolOf(protocol, measure),
    ...{ batchSize, concurrency, signal },
    onProgress: (progress) => {
      last = progress
      tell(false)
    },
  })
  try {
    measure.of(first.prompt.query, (await asker.ask([first.prompt]))[0]!)
  } catch (error) {
    if (!isInputError(error)) throw error
    onNotice?.(`expected accuracies are not shown: ${error.message}`)
    return rows
  }
  const answers = await asker.ask(wanted.map(({ prompt }) => prompt))
  tell(true)
  const found = new Map(
    wanted.map(({ row, prompt }, i) => {
      const answer = answers[i]!
      return [row, answer.error === undefined ? measure.of(prompt.query, answer) : null]
    }),
  )
  return rows.map((row) => {
    const expected = found.get(row)
    return expected === undefined ? row : { ...row, expected }
  })
}

const protocolOf = (protocol: string, { maxAnswers }: ExpectedMeasure): string =>
  `${protocol} expected ${maxAnswers ?? 'all'}`

/**
 * The function that answers prompts and, where the model can say both at once, keeps their log-probabilities where
 * {@link addExpected} looks for them.
 */
export function answerTogether(
  answer: AskOptions['answer'],
  measure: ExpectedMeasure | undefined,
  { journal, protocol }: Pick<AddExpectedOptions, 'journal' | 'protocol'>,
): AskOptions['answer'] {
  const together = measure?.together
  if (together === undefined) return answer
  const expectedProtocol = protocolOf(protocol, measure!)
  return async (prompts, options) => {
    const answers = await together(prompts, options)
    for (const [i, { scores = [], error }] of answers.entries()) {
      const prompt = prompts[i]
      if (prompt === undefined || scores.length === 0 || error !== undefined) continue
      await journal.append(answerKey(expectedProtocol, prompt), { text: '', scores })
    }
    return answers.map(({ text, error }) => ({ text, ...(error !== undefined && { error }) }))
  }
}

/** Finds the prompt that a row is about; undefined where one of its examples is not known. */
function promptsOf({
  queries,
  pools,
  library = [],
  selectors,
}: AddExpectedOptions): (row: EvaluationRow) => ExamplePrompt | undefined {
  const questions = new Map(queries.map((query) => [query.id, query]))
  const shared = Array.isArray(pools)
    ? [pools as readonly Example[]]
    : [...(pools as ReadonlyMap<number, readonly Example[]>).values()]
  const examples = new Map<number, Example>()
  for (const list of [...selectors.map(({ pool = [] }) => pool), ...shared, library]) {
    for (const example of list) examples.set(example.id, example)
  }
  return ({ query, demonstrations: ids }) => {
    const demonstrations = ids.map((id) => examples.get(id))
    if (demonstrations.includes(undefined)) return undefined
    return { query: questions.get(query)!, demonstrations: demonstrations as Example[] }
  }
}
