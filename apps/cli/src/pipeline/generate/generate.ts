import { canonicalJson } from '@lever/durable-files'
import type { RlMeta } from '@lever/rl-dataset'
import type {
  MeasureOptions,
  MeasureStatistics,
  PolicyProposer,
  Pools,
  Proposal,
  ProposalRequest,
  ProposeFunction,
  Shard,
} from '@lever/rl-generate'
import type { OfficialScoreOptions } from '@lever/vqa-eval'
import { distinctAnswers, normalizeAnswer, officialScore } from '@lever/vqa-eval'
import type { VqaExample } from '@lever/vqa-dataset'
import type { AskedAnswer, ModelProtocol, VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import type { Stage } from '../../progress.ts'
import type { EmbeddingSet } from '../inputs/embeddings.ts'
import { kindsOf } from '../inputs/embeddings.ts'
import { generateReporter } from './generate-progress.ts'

/** Embeddings of the queries and of the candidates, all kinds that they have. */
export interface Features {
  readonly queries: EmbeddingSet
  readonly candidates: EmbeddingSet
}

export interface PlanOptions {
  readonly queries: readonly VqaExample[]
  readonly pools: Pools
  readonly features: Features | undefined
  readonly policy: PolicyProposer | undefined
  /** Query id -> pointers as ids of examples, for method `file`. */
  readonly file?: ReadonlyMap<number, readonly (readonly number[])[]>
  readonly mix: readonly ProposalRequest[]
  /** K */
  readonly shots: number
  /** G: random pointers fill every group up to it. */
  readonly size: number
  readonly seed: number
}

/** Queries whose pointers are proposed together. Fixed, so that a policy's arithmetic does not depend on what is done already. */
const TOGETHER = 64

/** What will be measured. */
export interface PointerPlan {
  /** Number of pointers of the first round. */
  readonly pointers: number
  /** The same of some of the queries. */
  readonly pointersOf: (queries: readonly { readonly id: number }[]) => number
  readonly propose: ProposeFunction
}

/**
 * Plans all pointers before the first is measured, so that an interrupted run measures the same
 * ones. Later rounds, for queries whose rewards are all equal, are planned query by query.
 */
export async function planPointers(options: PlanOptions): Promise<PointerPlan> {
  const { queries, pools, features, policy, file, ...rest } = options
  const { proposePointers, similarityOf } = await import('@lever/rl-generate')
  const similarities = Object.fromEntries(
    Object.entries(pairsOf(features)).map(([kind, pair]) => [kind, similarityOf(pair, kind)]),
  )
  const propose = (
    examples: readonly { readonly id: number }[],
    round: Partial<Parameters<ProposeFunction>[1]> = {},
  ): Promise<Proposal[][]> => {
    const batch = examples.map(({ id }) => ({ queryId: id, poolIds: pools.byQuery.get(id)! }))
    return proposePointers({ ...rest, ...round, queries: batch, policy, similarities, file })
  }
  const plans = new Map<number, readonly Proposal[]>()
  for (let first = 0; first < queries.length; first += TOGETHER) {
    const batch = queries.slice(first, first + TOGETHER)
    const groups = await propose(batch)
    batch.forEach(({ id }, i) => plans.set(id, groups[i]!))
  }
  const pointersOf: PointerPlan['pointersOf'] = (some) =>
    some.reduce((sum, { id }) => sum + plans.get(id)!.length, 0)
  return {
    pointers: pointersOf(queries),
    pointersOf,
    async propose(examples, round) {
      const groups =
        round.round === 0 ? examples.map(({ id }) => plans.get(id)!) : await propose(examples, round)
      return examples.map(({ id }, i) => ({ poolIds: pools.byQuery.get(id)!, proposals: groups[i]! }))
    },
  }
}

/** The kinds that both sides have, as `rl-generate` takes them. */
export function pairsOf(
  features: Features | undefined,
): Record<string, { queries: EmbeddingRowsOf; candidates: EmbeddingRowsOf }> {
  if (features === undefined) return {}
  const [queries, candidates] = [kindsOf(features.queries), kindsOf(features.candidates)]
  const kinds = (['image', 'text', 'both'] as const).filter((kind) => queries[kind] && candidates[kind])
  return Object.fromEntries(
    kinds.map((kind) => [kind, { queries: queries[kind]!, candidates: candidates[kind]! }]),
  )
}

type EmbeddingRowsOf = NonNullable<ReturnType<typeof kindsOf>['both']>

export interface MeasureAllOptions extends OfficialScoreOptions {
  readonly queries: readonly VqaExample[]
  readonly candidates: readonly VqaExample[]
  readonly propose: ProposeFunction
  /** What `propose` is, as the journal keeps it. */
  readonly plan: NonNullable<MeasureOptions['plan']>
  /** Number of pointers of the plan, in the first round. */
  readonly pointers: number
  /** Undefined where the workers of a queue answer. */
  readonly model: VqaModel | undefined
  /** Path of the journal. */
  readonly journal: string
  readonly meta: RlMeta & { readonly protocol: { readonly hash: string }; readonly shot_num: number }
  readonly prefixes?: readonly number[]
  readonly shard?: Shard | undefined
  readonly strict?: boolean
  readonly untilInformative?: { limit: number } | undefined
  readonly batchSize: number
  /** Calls of the model at one time. */
  readonly concurrency?: number
  /** Workers that answer in place of the model; a call is a job then. */
  readonly queue?: { readonly url: string; readonly name: string; readonly onNotice: (line: string) => void }
  readonly stage: Stage
  readonly emit?: Context['emit']
  readonly signal: AbortSignal
}

/** Images of a window of the work: those that prompts share within one may stay in memory. */
const IMAGES = 2048

interface Scored {
  readonly answers?: readonly string[]
}

/** Measures the planned pointers into the journal; what it holds already is not measured again. */
export async function measureAll({
  model,
  queue,
  stage,
  emit,
  allowFallback = false,
  gtProb = false,
  relScore = false,
  prefixes = [],
  pointers,
  ...rest
}: MeasureAllOptions): Promise<MeasureStatistics> {
  const scoreAnswers = gtProb ? ({ answers = [] }: Scored) => distinctAnswers(answers) : undefined
  const options = {
    ...rest,
    prefixes,
    allowFallback,
    score: officialScore({ allowFallback, gtProb, relScore }),
    normalizeAnswer,
    proposalBatch: TOGETHER,
    imageBudget: IMAGES,
  }
  const { measureRewards } = await import('@lever/rl-generate')
  const { answerWith } = await import('@lever/vqa-model')
  const report = generateReporter({ stage, emit, pointers, stats: () => ({ ...model?.stats() }) })
  const events =
    queue === undefined
      ? measureRewards({
          ...options,
          answer: answerWith(model!, scoreAnswers === undefined ? {} : { score: scoreAnswers }),
        })
      : (await import('@lever/rl-generate/queue')).measureByQueue<AskedAnswer>({
          ...options,
          queue: { ...queue, ...(scoreAnswers !== undefined && { scoreAnswers }) },
        })
  for await (const event of events) {
    report(event)
    if (event.type === 'done') return event.statistics
  }
  throw new Error('the measuring ended without a result')
}

/** The embeddings that pointers are proposed by, for the plan of a generation. */
export function describeFeatures(features: Features | undefined): Pick<RlMeta, 'embeddings'> {
  if (features === undefined) return {}
  const { model, kind, ids, dim } = features.candidates
  return { embeddings: { model, kind, rows: ids.length, dim } }
}

/** What data of this model and these inputs are, for `_meta`. No time and no path: the same run gives the same bytes. */
export function metaOf({
  model,
  dataset,
  pools,
  shots,
  seed,
  generator,
  version,
  strict = true,
}: {
  model: ModelProtocol
  dataset: {
    readonly name: string
    readonly split: string
    readonly hash: string
    readonly examples: readonly unknown[]
  }
  pools: Pools
  shots: number
  seed: number
  generator: Record<string, unknown>
  version: string
  strict?: boolean
}): MeasureAllOptions['meta'] {
  const { name } = model
  return {
    schema: 'lever-rl',
    schema_version: '5.0',
    generator: { name: 'lever', version, seed, ...generator },
    dataset: {
      name: dataset.name,
      split: dataset.split,
      num_rows: dataset.examples.length,
      sha256: dataset.hash,
    },
    vqa_model: name,
    protocol: protocolOf(model),
    pool: { method: pools.method, size: pools.size, seed: pools.seed },
    strict_eval: strict,
    index_space: 'global',
    shot_num: shots,
    pool_size: pools.size,
  }
}

/** The protocol of a model with its hash, as `_meta` and the jobs of a queue hold it. */
export function protocolOf({ protocol, protocolHash }: ModelProtocol): MeasureAllOptions['meta']['protocol'] {
  return { hash: protocolHash, ...(JSON.parse(canonicalJson(protocol)) as Record<string, unknown>) }
}
