import { InputError, openRunDirectory, writeFileAtomic } from '@lever/durable-files'
import type { StartingModel } from '@lever/pointer-model'
import type { MeasureStatistics, ProposalRequest } from '@lever/rl-generate'
import type { ModelProtocol, VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import type { Progress } from '../../progress.ts'
import { formatTable } from '../../table.ts'
import { version } from '../../version.ts'
import type { Features, MeasureAllOptions } from './generate.ts'
import { describeFeatures, measureAll, metaOf, planPointers } from './generate.ts'
import type { InputSettings } from '../inputs/inputs.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { ModelChoice } from '../model/model.ts'
import { callsOf, readModelProtocol } from '../model/model.ts'
import { openModels } from '../model/models.ts'
import type { PolicyChoice } from '../policy/policy.ts'
import { readPolicy } from '../policy/policy.ts'
import { JOB_SIZE, QUEUE_NAME } from './queue-options.ts'
import { metricOf } from '@lever/vqa-eval'

export interface GenerateSettings extends InputSettings, ModelChoice, PolicyChoice {
  readonly shots: number
  readonly mix: readonly ProposalRequest[]
  readonly size: number
  readonly prefixes: readonly number[]
  readonly shard: string | undefined
  readonly strict: boolean
  readonly allowFallback: boolean
  readonly gtProb: boolean
  readonly relScore: boolean
  readonly untilInformative: number | undefined
  readonly batchSize: number | undefined
  /** URL of a queue whose workers answer. */
  readonly queue: string | undefined
  readonly queueName: string | undefined
  readonly jobSize: number | undefined
  readonly out: string
}

export interface Generated {
  readonly out: string
  /** The canonical JSON; null for a shard, whose journal `lever data merge` joins with the others. */
  readonly rlData: string | null
  readonly journal: string
  readonly statistics: MeasureStatistics
}

/** Names inside the run directory. */
export const JOURNAL = 'rl-data.jsonl'
export const RL_DATA = 'rl-data.json'

/** Proposes pointers, asks the model, scores: dataset and model in, a run directory with RL data out. */
export async function runGenerate(
  settings: GenerateSettings,
  { progress, signal, emit }: Context,
): Promise<Generated> {
  const { shots, seed, mix } = settings
  if (settings.size === 0 && mix.every(({ count }) => count === 0))
    throw new InputError(
      'no pointer is proposed; give --num-random, --group-size, or --embeddings for others',
    )
  const { byIds, openPolicy } = await import('@lever/pointer-model')
  const { parseShard, shardQueries } = await import('@lever/rl-generate')
  const part = settings.shard === undefined ? undefined : parseShard(settings.shard, process.env)
  const inputs = await openInputs(settings, progress)
  const { dataset, pool, queries, features, pools } = inputs
  const { size, prefixes, untilInformative, strict, allowFallback, gtProb, relScore, shard } = settings
  const named = await namedPolicy(settings, features)
  if (features === undefined) progress.warn('without --embeddings all pointers are random')
  const { described, model, copies } = await openAnswering(
    { ...settings, metric: metricOf(queries) },
    progress,
  )
  const close: (() => Promise<void>)[] = model === undefined ? [] : [() => model.close()]
  try {
    const policyOf = named && {
      architecture: named.model.architecture,
      ...named.model.config,
      sha256: named.hash,
    }
    const extra = { ...(gtProb && { gt_prob: true }), ...(relScore && { rel_score: true }) }
    const plan = { mix, size, ...(policyOf && { policy: policyOf }), ...describeFeatures(features) }
    const meta = metaOf({
      ...{ model: described, dataset, pools, shots, seed, version: version(), strict },
      generator: extra,
    })
    const run = await openRunDirectory({
      path: settings.out,
      command: 'generate',
      config: {
        meta,
        queries: queries.length,
        prefixes,
        strict,
        allowFallback,
        shard: part && `${part.index}/${part.count}`,
      },
      inputs: inputs.hashes,
      seed,
      versions: { lever: version() },
    })
    close.push(() => run.close())
    const policy = named && (await openPolicy(named.model))
    if (policy) close.push(() => policy.close())
    const proposer = policy && features && byIds(policy, features)
    const planned = await planPointers({ queries, pools, features, mix, shots, size, seed, policy: proposer })
    const mine = part === undefined ? queries : shardQueries(queries, part)
    const stage = progress.stage('generate', { unit: 'outcomes' })
    const statistics = await measureAll({
      queries,
      candidates: pool.examples,
      propose: planned.propose,
      plan,
      pointers: planned.pointersOf(mine),
      model,
      meta,
      journal: run.file(JOURNAL),
      prefixes,
      strict,
      allowFallback,
      gtProb,
      relScore,
      shard: part,
      untilInformative: untilInformative === undefined ? undefined : { limit: untilInformative },
      ...waysOf(settings, copies, progress),
      stage,
      emit,
      signal,
    })
    stage.end()
    const rlData = shard === undefined ? run.file(RL_DATA) : null
    if (rlData !== null) await writeRlData(run.file(JOURNAL), rlData)
    const { outcomes, positives } = statistics
    await run.update({ outcomes, positives, untilInformative: untilInformative ?? null })
    return { out: run.path, rlData, journal: run.file(JOURNAL), statistics }
  } finally {
    for (const one of close.reverse()) await one()
  }
}

/** Prompts per call of a model in this process. */
export const BATCH_SIZE = 1024

/** Jobs in the queue at a time: enough for a large fleet, and few are left over when a run is given up. */
const JOBS = 256

/** The model that answers, on every device; where the workers of a queue have it, only what it is. */
async function openAnswering(
  settings: GenerateSettings,
  progress: Progress,
): Promise<{ described: ModelProtocol; model: VqaModel | undefined; copies: number }> {
  if (settings.queue === undefined) {
    const { model, copies } = await openModels(settings, progress)
    return { described: model, model, copies }
  }
  return { described: await readModelProtocol(settings, progress), model: undefined, copies: 0 }
}

/** How the prompts go to the model, or to the workers of a queue. */
function waysOf(
  settings: GenerateSettings,
  copies: number,
  progress: Progress,
): Pick<MeasureAllOptions, 'batchSize' | 'concurrency' | 'queue'> {
  const { queue: url, queueName: name = QUEUE_NAME, jobSize = JOB_SIZE } = settings
  if (url === undefined) {
    const { batchSize, concurrency } = callsOf(settings, settings.batchSize ?? BATCH_SIZE)
    return { batchSize, concurrency: concurrency * copies + 1 }
  }
  const onNotice = (line: string): void => progress.warn(line)
  return { batchSize: jobSize, concurrency: JOBS, queue: { url, name, onNotice } }
}

const POLICY_METHODS: ReadonlySet<string> = new Set(['beam', 'sample'])

/** The policy whose pointers are measured; undefined when the mix asks for none. */
export async function namedPolicy(
  settings: GenerateSettings,
  features: Features | undefined,
): Promise<StartingModel | undefined> {
  const asked = settings.mix.some(({ method, count }) => count !== 0 && POLICY_METHODS.has(method))
  if (!asked) return undefined
  if (features === undefined)
    throw new InputError('a policy needs embeddings; give --embeddings (make them with lever embed)')
  const named = await readPolicy(settings, features.candidates.dim, settings.seed)
  const { architectureOf } = await import('@lever/pointer-model')
  if (architectureOf(named.model.architecture).stops === true)
    throw new InputError(
      `a policy of architecture ${named.model.architecture} may choose fewer than ${settings.shots} demonstrations, and all pointers of a question must have the same number; give another policy, or --num-beams 0 --num-samples-per-temp 0`,
    )
  return named
}

/** The canonical JSON of a finished journal. */
export async function writeRlData(journal: string, path: string): Promise<void> {
  const { encodeRlData } = await import('@lever/rl-dataset')
  const { readRlData } = await import('@lever/rl-dataset/node')
  await writeFileAtomic(path, encodeRlData(await readRlData(journal)).bytes)
}

export function formatGenerated({ rlData, journal, statistics }: Generated): string {
  const { queries, outcomes, positives, positiveQueries, methods, file, fallback, error } = statistics
  const percent = (part: number, whole: number): string =>
    whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`
  return [
    `${queries} queries, ${outcomes} outcomes, ${percent(positives, outcomes)} positive; ${percent(positiveQueries, queries)} of the queries have one`,
    `scored officially ${percent(file.count, outcomes)}, by the fallback ${percent(fallback.count, outcomes)}, failed ${percent(error.count, outcomes)}`,
    '',
    formatTable([
      ['proposed by', 'outcomes', 'positive', 'accuracy'],
      ...methods.map((m) => [
        m.method,
        String(m.outcomes),
        percent(m.positives, m.outcomes),
        (100 * m.accuracy).toFixed(1),
      ]),
    ]),
    '',
    rlData === null ? `journal: ${journal} (join the shards with lever data merge)` : `RL data: ${rlData}`,
    rlData === null ? '' : `next: lever data describe ${rlData}`,
  ].join('\n')
}
