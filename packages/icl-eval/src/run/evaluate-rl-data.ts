import { resolve } from 'node:path'
import { hashFile, hashOf, InputError, openRunDirectory } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { lookUpEmbeddings } from '../embeddings.ts'
import { findLeakage } from '../leakage.ts'
import { choosesWidely, evaluateMeasured, methodRows } from '../offline/evaluate-measured.ts'
import type { Coverage, EvaluateMeasuredOptions } from '../offline/evaluate-measured.ts'
import { measuredOf } from '../offline/measured-queries.ts'
import type { MeasuredQuery } from '../offline/measured-queries.ts'
import { writeReport } from '../report/run/write.ts'
import { checkFeatures, expandSelectors, METHODS } from '../selectors/expand.ts'
import type { ExpandableSelector } from '../selectors/expand.ts'
import { resolveSelectors } from '../selectors/resolve.ts'
import { swappedWithin } from '../selectors/swapped.ts'
import type { Selector } from '../selectors/types.ts'
import { summarizeBoth } from '../summary/expected.ts'
import type { EvaluationRow, Example } from '../types.ts'
import { COMPARISON_SETTINGS, openAmong, reportingOf, seedsOf } from './comparison.ts'
import type { ComparisonSettings } from './comparison.ts'
import { saveEvaluation } from './evaluate-all.ts'
import type { Evaluated } from './evaluate-all.ts'
import { checkProtocol, untrainedWarnings } from './policies.ts'
import type { EvaluatedPolicy } from './policies.ts'
import { recordRead } from './reads.ts'
import { datasetRecord, leakageRecord, leakageWarnings } from './records.ts'
import type { EvaluatedDataset, EvaluationRecord } from './records.ts'
import { openRlRewards } from './rl-rewards.ts'
import type { RlRewards } from './rl-rewards.ts'
import { measuredStatic } from './static-measured.ts'
import type { MeasuredStatic } from './static-measured.ts'
import { checkStatic, isStatic } from './static-sets.ts'
import type { StaticSettings } from './static-sets.ts'

/** An evaluation on RL data in a run directory. */
export interface EvaluateRlDataSettings extends ComparisonSettings {
  /** RL data with measured pointers. */
  readonly rlData: string
  /** The dataset of the queries; without one there are no texts, images and answers. */
  readonly dataset?: EvaluatedDataset | undefined
  /** The dataset of the candidates, when it is another one. */
  readonly pool?: EvaluatedDataset | undefined
  /** File of the embeddings, when queries and candidates share one: it tells whether a policy was trained on this data. */
  readonly embeddingsFile?: string | undefined
  /** Names of selectors; undefined for all that lack nothing. */
  readonly selectors?: readonly ExpandableSelector[] | undefined
  /** Whether another order of the same examples counts as measured. Default `ordered`: it does not. */
  readonly match?: EvaluateMeasuredOptions['match']
  /** What `static` is estimated from; from the pool of each query, as everything here. */
  readonly static?: Pick<StaticSettings, 'data' | 'reward'>
  /** Take outcomes scored by the string fallback. */
  readonly allowFallback?: boolean
}

export const EVALUATE_RL_DATA_SETTINGS: OptionNames<EvaluateRlDataSettings> = {
  ...COMPARISON_SETTINGS,
  rlData: true,
  dataset: true,
  pool: true,
  embeddingsFile: true,
  selectors: true,
  match: true,
  static: true,
  allowFallback: true,
}

/** An evaluation on RL data, and how much of it had been measured. */
export interface EvaluatedRlData extends Evaluated {
  /** Path of the run directory. */
  readonly out: string
  readonly coverage: readonly Coverage[]
}

/**
 * Evaluates selectors and policies on measured rewards alone, into a run directory: a choice that was measured has its
 * accuracy, another one is not covered. Asks no model.
 *
 * @throws InputError if the data holds nothing to evaluate, does not belong to the dataset, or if no choice was measured
 */
export async function evaluateRlData(settings: EvaluateRlDataSettings): Promise<EvaluatedRlData> {
  refuseUnknownOptions(settings, EVALUATE_RL_DATA_SETTINGS, 'icl-eval: evaluateRlData')
  checkStatic(settings.static)
  const { seed, resamples, policies, onWarning } = settings
  const rewards = await openRlRewards(settings)
  const { protocol, queries, shots } = rewards
  if (protocol) checkProtocol(policies, protocol.hash, settings.allowProtocolMismatch ?? false)
  const measured = await staticOf(settings, rewards)
  const library = libraryOf(settings)
  const { names, selectors } = chooseSelectors(settings, { queries, found: measured, library })
  const where = scopeWarning(selectors, library, rewards.poolMethod)
  if (where !== undefined) onWarning?.(where)
  const run = await openRun(settings, rewards)
  try {
    await recordRead(run, {
      split: rewards.split,
      data: rewards.hashes['rl-data']!,
      questions: queries.length,
      selectors: names,
      policies: Object.fromEntries(policies.map(({ name, hash }) => [name, hash])),
      shots,
      seeds: settings.seeds,
    })
    const { rows, coverage } = await evaluateMeasured({
      queries,
      selectors,
      shots,
      seeds: seedsOf(settings),
      match: settings.match ?? 'ordered',
      embeddings: lookUpEmbeddings(settings.embeddings),
      library,
      ...(queries.every(({ query }) => query.answers.length > 0) && { score: settings.score }),
      ...(queries.some(({ outcomes }) => outcomes.some(({ ids }) => ids.length === 1)) && {
        voteShots: settings.shots,
      }),
    })
    const all = [...rows, ...(names.includes(METHODS) ? methodRowsOf(rewards, names) : [])]
    if (all.length === 0) {
      throw new InputError(
        `not one choice of ${names.join(', ')} is among the measured pointers of ${settings.rlData}; try random, oracle or methods, or --match set`,
      )
    }
    const summary = summarizeBoth(all, { seed, ...(resamples !== undefined && { resamples }) })
    const known = await recordOf(settings, rewards)
    for (const warning of [...leakageWarnings(known.leakage), ...(known.warnings ?? [])]) onWarning?.(warning)
    const record = {
      ...known,
      warnings: [...(known.warnings ?? []), ...(where === undefined ? [] : [where])],
      ...(measured && { static: measured.record }),
    }
    await saveEvaluation(run, { rows: all, summary }, { coverage })
    await run.update({ rlData: [resolve(settings.rlData)], evaluated: record })
    await writeReport(run, {
      ...settings.report,
      openDataset: openAmong([settings.dataset, settings.pool]),
      ...reportingOf(settings),
    })
    return { rows: all, summary, coverage, out: run.path }
  } finally {
    await run.close()
  }
}

function openRun(
  settings: EvaluateRlDataSettings,
  { protocol, hashes }: RlRewards,
): ReturnType<typeof openRunDirectory> {
  const { out, match = 'ordered', allowFallback = false, seed, versions = {} } = settings
  return openRunDirectory({
    path: out,
    command: 'evaluate',
    config: { offline: true, match, allowFallback, protocol: protocol?.hash ?? null },
    inputs: hashes,
    seed,
    versions,
  })
}

function chooseSelectors(
  settings: EvaluateRlDataSettings,
  {
    queries,
    found,
    library,
  }: {
    readonly queries: readonly MeasuredQuery[]
    readonly found: MeasuredStatic | undefined
    readonly library: readonly Example[] | undefined
  },
): { readonly names: readonly string[]; readonly selectors: readonly Selector[] } {
  const { policies } = settings
  const kinds = Object.keys(settings.embeddings)
  const named = policies.flatMap(({ selectors }) => selectors)
  const focus = policies.at(-1)?.name ?? 'pool:rices-both'
  const asked = settings.selectors ?? [
    'random',
    ...(found ? ['static', ...(library ? ['pool:static'] : [])] : []),
    ...(library ? kinds.map((kind) => `rices-${kind}`) : []),
    ...kinds.map((kind) => `pool:rices-${kind}`),
    ...['worst', 'oracle', METHODS],
  ]
  const names = expandSelectors(asked, { focus, kinds, without: found ? [] : ['static'] })
  if (names.some(isStatic) && found === undefined) {
    throw new InputError(
      'static is estimated from measured RL data of other questions here; give --static-data, or leave it out',
    )
  }
  const plain = names.filter((name) => name !== METHODS && !named.some((one) => one.name === name))
  const asking = queries.map(({ query }) => query)
  const swapped =
    queries.length < 2
      ? []
      : named.filter((of) => of.chooseFor !== undefined).map((of) => swappedWithin({ of, queries: asking }))
  const selectors = [
    ...resolveSelectors(plain, {
      named,
      measured: measuredOf(queries),
      ...(found && { sets: found.effects }),
    }),
    ...named,
    ...swapped,
  ]
  checkFeatures(selectors, kinds)
  return { names, selectors }
}

/** What demonstrations come from, where its dataset and an embedding of every example are at hand. */
function libraryOf({
  dataset,
  pool = dataset,
  embeddings,
}: EvaluateRlDataSettings): readonly Example[] | undefined {
  const [pair] = Object.values(embeddings)
  if (pool === undefined || pair === undefined) return undefined
  const rows = new Set(pair.candidates.ids)
  return pool.examples.every(({ id }) => rows.has(id)) ? pool.examples : undefined
}

/** Where the selectors of the whole library choose here, in words; undefined when there are none. */
function scopeWarning(
  selectors: readonly Selector[],
  library: readonly Example[] | undefined,
  poolMethod: string | undefined,
): string | undefined {
  const names = selectors.filter(choosesWidely).map(({ name }) => name)
  const isLikeLibrary = poolMethod === 'random' || poolMethod === 'library'
  const draws = !isLikeLibrary && selectors.some(({ name }) => name === 'random')
  const parts = [
    ...(names.length === 0
      ? []
      : library === undefined
        ? [
            `${names.join(', ')} choose from the measured pool of each question here, not from the whole library; give the dataset of the pool and its embeddings to choose from all of it`,
          ]
        : [
            `${names.join(', ')} choose from all ${library.length} examples; what they choose and nobody measured counts nowhere, see their coverage`,
          ]),
    ...(draws
      ? [
          `random draws from the measured pool of each question${poolMethod === undefined ? '' : ` (pool method ${poolMethod})`}, where a draw may be better than one of the whole library`,
        ]
      : []),
  ]
  return parts.length === 0 ? undefined : parts.join('. ')
}

async function staticOf(
  { static: settings, onNotice }: EvaluateRlDataSettings,
  { queries, shots }: RlRewards,
): Promise<MeasuredStatic | undefined> {
  if (settings?.data === undefined) return undefined
  const { data: files, reward } = settings
  const asked = queries.map(({ query }) => query)
  return measuredStatic({ files, reward, queries: asked, shots: Math.max(...shots), onNotice })
}

/** A row for each proposal method; random pointers are those of the selector `random`, where it is evaluated. */
function methodRowsOf({ queries, shots }: RlRewards, names: readonly string[]): EvaluationRow[] {
  return methodRows(queries).filter(
    ({ shots: count, selector }) =>
      shots.includes(count) && !(selector === 'method:random' && names.includes('random')),
  )
}

async function recordOf(
  settings: EvaluateRlDataSettings,
  { queries, protocol }: RlRewards,
): Promise<EvaluationRecord> {
  const { policies, trainedOn } = settings
  const { files, examples, unknown } = trainedOn
  const leakage = findLeakage({
    queries: queries.map(({ query }) => query),
    pools: new Map(queries.map(({ query, pool }) => [query.id, pool])),
    training: examples,
  })
  const [first, last] = [settings.dataset ?? settings.pool, settings.pool ?? settings.dataset]
  return {
    dataset: first ? datasetRecord(first) : null,
    pool: last ? datasetRecord(last) : null,
    pools: 'as measured',
    focus: policies.at(-1)?.name ?? 'oracle',
    protocol,
    leakage: leakageRecord(leakage),
    trainedOn: { files, questions: examples.length, unknown },
    warnings: [...untrainedWarnings(policies), ...(await trainedOnThis(policies, settings))],
  }
}

/** Policies that were trained on this very data: their figures say nothing about other questions. */
async function trainedOnThis(
  policies: readonly EvaluatedPolicy[],
  { rlData, embeddingsFile }: EvaluateRlDataSettings,
): Promise<string[]> {
  if (embeddingsFile === undefined) return []
  const hash = hashOf({ embeddings: await hashFile(embeddingsFile), 'rl-data': await hashFile(rlData) })
  return policies
    .filter(({ dataHash }) => dataHash === hash)
    .map(({ name }) => `${name} was trained on these very rewards: its figures are no test result`)
}
