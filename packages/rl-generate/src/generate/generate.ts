import { openRunDirectory } from '@lever/durable-files'
import { RL_DATA_FILES } from '@lever/rl-dataset'
import { pickOptions, refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { measureRewards } from '../measure/measure.ts'
import type { PlanLine } from '../measure/plans.ts'
import type { MeasureStatistics } from '../measure/statistics.ts'
import type { Answer, MeasureOptions } from '../measure/types.ts'
import { shardQueries } from '../shard.ts'
import { writeRlData } from '../write.ts'
import { checkGeneration } from './checks.ts'
import { embeddingsOf, metaOf, META_OPTIONS, type MetaOptions } from './meta.ts'
import { PLAN_BATCH, planPointers, PLAN_OPTIONS, type PlanOptions } from './plan.ts'
import type { PointerPlan } from './plan.ts'
import type { Answering, GenerationOptions, GenerationSettings } from './types.ts'

/** Different images in a window of the work: prompts of one window may share them in memory. */
const WINDOW_IMAGES = 2048

const SETTINGS: OptionNames<GenerationSettings & Answering<Answer>> = {
  model: true,
  score: true,
  normalizeAnswer: true,
  dataset: true,
  embeddings: true,
  version: true,
  generator: true,
  untilInformative: true,
  batchSize: true,
  concurrency: true,
  signal: true,
  onEvent: true,
  queries: true,
  candidates: true,
  policy: true,
  prefixes: true,
  shard: true,
  strict: true,
  allowFallback: true,
  pools: true,
  features: true,
  file: true,
  mix: true,
  shots: true,
  size: true,
  seed: true,
  answer: true,
  queue: true,
}

const GENERATION_OPTIONS: OptionNames<GenerationOptions> = { ...SETTINGS, journal: true }

const GENERATE_RL_DATA_OPTIONS: OptionNames<GenerateRlDataOptions> = { ...SETTINGS, out: true, inputs: true }

/**
 * Proposes pointers for every query, asks the model, scores, and keeps every outcome in a
 * journal. What the journal holds is not measured again.
 *
 * @throws InputError as {@link checkGeneration}; what `measureRewards` or `measureByQueue` throws
 */
export async function generateJournal<A extends Answer>(
  options: GenerationOptions<A>,
): Promise<MeasureStatistics> {
  refuseUnknownOptions(options, GENERATION_OPTIONS, 'rl-generate: generateJournal')
  checkGeneration(options)
  const { policy, mix, size, embeddings } = options
  const plan = { mix, size, ...(policy && { policy: policy.facts }), ...embeddingsOf(embeddings) }
  return measurePlanned(
    options,
    plan,
    await planPointers({
      ...pickOptions<Omit<PlanOptions, 'policy'>>(options, PLAN_OPTIONS),
      policy: policy?.proposer,
    }),
  )
}

/**
 * Measures planned pointers into the journal. `plan` says how they were found.
 *
 * @throws as {@link generateJournal}
 */
export async function measurePlanned<A extends Answer>(
  options: GenerationOptions<A>,
  plan: PlanLine,
  planned: PointerPlan,
): Promise<MeasureStatistics> {
  const { queries, shard, untilInformative, onEvent } = options
  onEvent?.({
    type: 'planned',
    pointers: planned.pointersOf(shard === undefined ? queries : shardQueries(queries, shard)),
  })
  const { answer, queue, score, candidates, journal, prefixes, strict, allowFallback } = options
  const measuring: Omit<MeasureOptions<A>, 'answer'> = {
    ...{ queries, candidates, journal, plan, score, shard },
    ...definedOnly({ prefixes, strict, allowFallback }),
    ...definedOnly({ batchSize: options.batchSize, concurrency: options.concurrency }),
    ...definedOnly({ normalizeAnswer: options.normalizeAnswer }),
    propose: planned.propose,
    meta: metaOf(pickOptions<MetaOptions>(options, META_OPTIONS)),
    untilInformative: untilInformative === undefined ? undefined : { limit: untilInformative },
    proposalBatch: PLAN_BATCH,
    imageBudget: WINDOW_IMAGES,
    signal: options.signal,
  }
  const events =
    queue === undefined
      ? measureRewards({ ...measuring, answer })
      : (await import('../queue/measure.ts')).measureByQueue({ ...measuring, queue })
  for await (const event of events) {
    onEvent?.(event)
    if (event.type === 'done') return event.statistics
  }
  throw new Error('rl-generate: the measuring ended without a result')
}

/** A generation in a run directory. */
export type GenerateRlDataOptions<A extends Answer = Answer> = GenerationSettings<A> &
  Answering<A> & {
    /** Run directory: made, or continued. */
    readonly out: string
    /** Name -> hash of everything that was read, for the manifest. */
    readonly inputs: Readonly<Record<string, string>>
  }

/** What a generation left in its run directory. */
export interface GeneratedRlData {
  readonly out: string
  /** The canonical JSON; null for a shard, whose journal `mergeShards` joins with the others. */
  readonly rlData: string | null
  readonly journal: string
  readonly statistics: MeasureStatistics
}

/**
 * RL data in a run directory: manifest, journal, and when all is measured the canonical JSON.
 * Called again with the same options it continues.
 *
 * @throws as {@link generateJournal}; InputError for a run directory of another run
 */
export async function generateRlData<A extends Answer>(
  options: GenerateRlDataOptions<A>,
): Promise<GeneratedRlData> {
  refuseUnknownOptions(options, GENERATE_RL_DATA_OPTIONS, 'rl-generate: generateRlData')
  checkGeneration(options)
  const { out, inputs, queries, prefixes = [], strict = true, allowFallback = false, shard } = options
  const { seed, version, untilInformative = null } = options
  const run = await openRunDirectory({
    path: out,
    command: 'generate',
    config: {
      meta: metaOf(pickOptions<MetaOptions>(options, META_OPTIONS)),
      queries: queries.length,
      prefixes,
      strict,
      allowFallback,
      shard: shard && `${shard.index}/${shard.count}`,
    },
    inputs,
    seed,
    versions: { lever: version },
  })
  try {
    const journal = run.file(RL_DATA_FILES.journal)
    const statistics = await generateJournal<A>({
      ...pickOptions<GenerationSettings<A> & Answering<A>>(options, SETTINGS),
      journal,
    })
    const rlData = shard === undefined ? run.file(RL_DATA_FILES.data) : null
    if (rlData !== null) await writeRlData({ journal, out: rlData })
    const { outcomes, positives } = statistics
    await run.update({ outcomes, positives, untilInformative })
    return { out: run.path, rlData, journal, statistics }
  } finally {
    await run.close()
  }
}

function definedOnly<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
