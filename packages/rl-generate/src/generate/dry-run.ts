import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import type { ExamplePrompt } from '../measure/types.ts'
import type { Proposal } from '../proposals/types.ts'
import { shardQueries } from '../shard.ts'
import type { Example } from '../types.ts'
import { checkGeneration } from './checks.ts'
import { planPointers, PLAN_OPTIONS, type PlanOptions } from './plan.ts'
import type { GenerationPlan } from './types.ts'

/** A generation to count without asking the model. */
export type CountGenerationOptions<E> = GenerationPlan & {
  /** Counts what the prompts cost, without a model. Their examples all have images. */
  readonly estimate: (prompts: readonly ExamplePrompt[]) => Promise<E>
  /** Human answers of a query whose log-probability is wanted. */
  readonly scoreAnswers?: (query: Example) => readonly string[]
}

export const COUNT_GENERATION_OPTIONS: OptionNames<CountGenerationOptions<unknown>> = {
  queries: true,
  candidates: true,
  policy: true,
  prefixes: true,
  shard: true,
  strict: true,
  allowFallback: true,
  shots: true,
  pools: true,
  seed: true,
  features: true,
  file: true,
  mix: true,
  size: true,
  estimate: true,
  scoreAnswers: true,
}

/** What a generation would measure. */
export interface GenerationCounts {
  readonly queries: number
  readonly pointers: number
  /** Pointers by the method that proposed them. */
  readonly methods: Readonly<Record<string, number>>
  /** Human answers whose log-probability is wanted, over all prompts. */
  readonly answersToScore: number
  /** Prompts that show an example without an image file; the estimate leaves them out. */
  readonly withoutImage: number
}

/**
 * Proposes the pointers of a generation and counts their prompts. No VQA model runs and nothing
 * is written; a policy does run, because its pointers are counted too.
 *
 * @throws InputError for everything that `generateRlData` would refuse before its first prompt
 */
export async function countGeneration<E>(
  options: CountGenerationOptions<E>,
): Promise<GenerationCounts & { readonly estimate: E }> {
  refuseUnknownOptions(options, COUNT_GENERATION_OPTIONS, 'rl-generate: countGeneration')
  checkGeneration(options)
  const { candidates, queries, shard, shots, prefixes = [], estimate, scoreAnswers } = options
  const { propose } = await planPointers({
    ...pickOptions<Omit<PlanOptions, 'policy'>>(options, PLAN_OPTIONS),
    policy: options.policy?.proposer,
  })
  const mine = shard === undefined ? queries : shardQueries(queries, shard)
  const plans = await propose(mine, { round: 0, known: new Map() })
  const byId = new Map(candidates.map((example) => [example.id, example]))
  const prompts: ExamplePrompt[] = []
  const methods = new Map<string, number>()
  let [answersToScore, withoutImage] = [0, 0]
  for (const [i, query] of mine.entries()) {
    const { poolIds, proposals } = plans[i]!
    for (const { method } of proposals) methods.set(method, (methods.get(method) ?? 0) + 1)
    for (const ids of sequencesOf(proposals, poolIds, [...prefixes, shots])) {
      const demonstrations = ids.map((id) => byId.get(id)!)
      if (
        [...demonstrations, query].some(({ image, context }) => image === undefined && context === undefined)
      )
        withoutImage += 1
      else {
        prompts.push({ demonstrations, query })
        answersToScore += scoreAnswers?.(query).length ?? 0
      }
    }
  }
  return {
    queries: mine.length,
    pointers: Array.from(methods.values()).reduce((sum, count) => sum + count, 0),
    methods: Object.fromEntries(methods),
    answersToScore,
    withoutImage,
    estimate: await estimate(prompts),
  }
}

/** The different sequences of ids that are prompts: pointers, and their first k demonstrations. */
function sequencesOf(
  proposals: readonly Proposal[],
  poolIds: readonly number[],
  lengths: readonly number[],
): number[][] {
  const found = new Map<string, number[]>()
  for (const { pointer } of proposals) {
    for (const k of lengths) {
      const ids = pointer.slice(0, k).map((position) => poolIds[position]!)
      found.set(ids.join(), ids)
    }
  }
  return [...found.values()]
}
