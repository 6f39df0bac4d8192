import { InputError } from '@lever/durable-files'
import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import type { AskOptions, AskStats } from './ask.ts'
import { createAsker, ASK_OPTIONS } from './ask.ts'
import type { EmbeddingLookup } from './embeddings.ts'
import { librarySearch, neighboursOf } from './library-search.ts'
import type { LibrarySearch } from './library-search.ts'
import { contextFor, selectAll } from './selectors/check.ts'
import type { SelectionContext, Selector } from './selectors/types.ts'
import { scoreRow } from './score-row.ts'
import { voteOf } from './selectors/vote.ts'
import type { Answer, EvaluationRow, Example, ExamplePrompt, ScoreFunction } from './types.ts'

/** The solved examples of each query: one pool for all, or one per query id. */
export type Pools = readonly Example[] | ReadonlyMap<number, readonly Example[]>

/** Queries, pools and selectors, and the model that answers. */
export interface EvaluateOptions extends AskOptions {
  /** The questions that are asked, with their human answers. */
  readonly queries: readonly Example[]
  /** What selectors of the scope `pool` choose from; RangeError where a query has none. */
  readonly pools: Pools
  /** What selectors of the scope `library` choose from. */
  readonly library?: readonly Example[]
  /** What chooses. Names are those of rows, so each may be there once. */
  readonly selectors: readonly Selector[]
  /** Default 0, 1, 2, 3, 4. Selectors of `shots: 'zero'` are evaluated at 0 only, and only they are. */
  readonly shots?: readonly number[]
  /** Seeds of the selectors that are `seeded`. Default 0, 1, 2, 3, 4. */
  readonly seeds?: readonly number[]
  /** Rows of queries and examples, for selectors that need them (`lookUpEmbeddings`). */
  readonly embeddings?: EmbeddingLookup
  /** Scores an answer to a question, 0..1: `officialScore()` of `vqa-eval`. */
  readonly score: ScoreFunction
}

export const EVALUATE_OPTIONS: OptionNames<EvaluateOptions> = {
  ...ASK_OPTIONS,
  queries: true,
  pools: true,
  library: true,
  selectors: true,
  shots: true,
  seeds: true,
  embeddings: true,
  score: true,
}

/** Rows of an evaluation, and the prompts that they took. */
export interface Evaluation {
  /** Ordered by selector, shots, seed, query. */
  readonly rows: readonly EvaluationRow[]
  readonly prompts: AskStats
}

interface Planned {
  readonly selector: Selector
  readonly shots: number
  readonly seed: number | null
  readonly query: Example
  readonly demonstrations: readonly Example[]
  /** The answer of a selector that needs no model. */
  readonly text?: string
}

/**
 * Lets every selector choose demonstrations for every query at every number of shots, asks the model once for each
 * different prompt, and scores the answers. The same seeds and inputs give the same rows in the same order, whether
 * answers come from the model or from the journal.
 *
 * Throws before anything is asked: InputError when `score` cannot score a query, RangeError when a query has no pool, an
 * id or a selector name appears twice, or a selector cannot choose.
 */
export async function evaluateSelectors(options: EvaluateOptions): Promise<Evaluation> {
  refuseUnknownOptions(options, EVALUATE_OPTIONS, 'icl-eval: evaluateSelectors')
  const { queries, selectors, score } = options
  assertUnique(
    queries.map((query) => query.id),
    'query',
  )
  assertUnique(
    selectors.map((selector) => selector.name),
    'selector',
  )
  checkScorable(queries, score)
  const planned: Planned[][] = []
  const { library } = options
  const search = library && librarySearch({ queries, library, embeddings: options.embeddings })
  for (const selector of selectors) planned.push(await planSelector(selector, options, search))
  const plans = planned.flat()
  const asker = createAsker(pickOptions(options, ASK_OPTIONS))
  const prompts = plans.map(promptsOf)
  const answers = await asker.ask(prompts.flat())
  let next = 0
  const rows = plans.map((plan, i) => {
    const own = answers.slice(next, (next += prompts[i]!.length))
    const subject = { ...plan, selector: plan.selector.name, prompts: own.length }
    return scoreRow(subject, answerOf(plan, own), score)
  })
  return { rows, prompts: asker.stats() }
}

/** What the model is asked for an answer: once, once for every demonstration, or nothing. */
function promptsOf({ selector, query, demonstrations, text }: Planned): readonly ExamplePrompt[] {
  if (text !== undefined) return []
  if (selector.votes !== true) return [{ query, demonstrations }]
  return demonstrations.map((one) => ({ query, demonstrations: [one] }))
}

function answerOf({ selector, text }: Planned, answers: readonly Answer[]): Answer {
  if (text !== undefined) return { text }
  return selector.votes === true ? voteOf(answers) : answers[0]!
}

/** Throws InputError naming the first query that `score` refuses: usually one without human answers. */
export function checkScorable(queries: readonly Example[], score: ScoreFunction): void {
  for (const query of queries) {
    try {
      score('', query)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new InputError(
        query.answers.length > 0
          ? `icl-eval: question ${query.id} cannot be scored: ${why}`
          : `icl-eval: question ${query.id} has no human answers to score against; give the annotations, or add "answers" to its line of questions.jsonl`,
        { cause },
      )
    }
  }
}

/** The pool of a query. Throws RangeError when it has none. */
export function poolOf(pools: Pools, query: Example): readonly Example[] {
  const pool = isShared(pools) ? pools : pools.get(query.id)
  if (pool === undefined) {
    throw new RangeError(`icl-eval: query ${query.id} has no pool; pools must cover every query`)
  }
  return pool
}

const isShared = (pools: Pools): pools is readonly Example[] => Array.isArray(pools)

async function planSelector(
  selector: Selector,
  { queries, pools, shots = [0, 1, 2, 3, 4], seeds = [0, 1, 2, 3, 4], embeddings }: EvaluateOptions,
  search: LibrarySearch | undefined,
): Promise<Planned[]> {
  const inLibrary = selector.scope === 'library'
  if (inLibrary && search === undefined) {
    throw new RangeError(`icl-eval: ${selector.name} chooses from the library; give the option library`)
  }
  const nearest = inLibrary ? await neighboursOf(selector, search!) : undefined
  const counts = selector.shots === 'zero' ? [0] : shots.filter((k) => k !== 0)
  const runs = selector.seeded ? seeds : [null]
  const bases = queries.map((query) => {
    const pool = selector.pool ?? (inLibrary ? search!.library : poolOf(pools, query))
    return {
      query,
      pool,
      embeddings: selector.needs.length > 0 ? (embeddings?.(query, pool) ?? {}) : {},
      ...(inLibrary && { excluded: search!.excluded(query), nearest: nearest!(query) }),
    }
  })
  const byId = bases.map(({ pool }) => pool)
  const index = new Map(byId.map((pool) => [pool, new Map(pool.map((example) => [example.id, example]))]))
  const plans: Planned[] = []
  for (const k of counts) {
    for (const seed of runs) {
      const contexts = bases.map((base): SelectionContext => {
        const stream = [seed ?? 0, 'select', selector.stream ?? selector.name] as const
        const random = createRandom(...stream, base.query.id)
        return contextFor(selector, {
          ...base,
          random,
          ...(inLibrary && { shared: () => createRandom(...stream) }),
        })
      })
      const chosen = await selectAll(selector, contexts, k)
      contexts.forEach((context, i) => {
        const examples = index.get(context.pool)!
        plans.push({
          selector,
          shots: k,
          seed,
          query: context.query,
          demonstrations: chosen[i]!.map((id) => examples.get(id)!),
          ...(selector.answer && { text: selector.answer(context, k) }),
        })
      })
    }
  }
  return plans
}

function assertUnique(values: readonly (number | string)[], what: string): void {
  if (values.length === 0) throw new RangeError(`icl-eval: there is no ${what} to evaluate`)
  const seen = new Set<number | string>()
  for (const value of values) {
    if (seen.has(value)) throw new RangeError(`icl-eval: the ${what} ${value} appears twice`)
    seen.add(value)
  }
}
