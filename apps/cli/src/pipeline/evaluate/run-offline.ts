import type { EvaluatedDataset, EvaluatedRlData, EvaluateRlDataSettings } from '@lever/icl-eval'
import type { Embeddings } from '@lever/tensor-files'
import { officialScore } from '@lever/vqa-eval'
import type { Context } from '../../command.ts'
import { requirePath } from '../../files.ts'
import type { Progress } from '@lever/terminal'
import { version } from '../../version.ts'
import type { Features } from '../inputs/features.ts'
import { pairsOf, readEmbeddings } from '../inputs/features.ts'
import { openDataset } from '../inputs/dataset.ts'
import type { DatasetPlace } from '../inputs/dataset.ts'
import { sourceWarnings } from '../inputs/input-warnings.ts'
import { reportingTo } from './events.ts'
import type { PoliciesSettings } from './policies.ts'
import { openPolicies, readPolicies } from './policies.ts'
import { evaluatedDataset } from './run-evaluate.ts'

export interface OfflineSettings
  extends
    PoliciesSettings,
    Pick<EvaluateRlDataSettings, 'rlData' | 'selectors' | 'match' | 'out' | 'shots' | 'seeds' | 'seed'> {
  /** The dataset of the queries; without one there are no texts, images and answers. */
  readonly place: DatasetPlace
  readonly poolPlace: DatasetPlace | undefined
  readonly embeddings: string | undefined
  readonly poolEmbeddings: string | undefined
  readonly resamples: number
  readonly staticData: readonly string[] | undefined
  readonly staticReward: 'expected' | 'accuracy' | undefined
  readonly allowFallback: boolean
  readonly allowProtocolMismatch: boolean
}

/** Evaluates selectors and policies on measured rewards alone. */
export async function runOffline(settings: OfflineSettings, context: Context): Promise<EvaluatedRlData> {
  const { rlData, place, poolPlace, embeddings, poolEmbeddings, allowFallback } = settings
  const { selectors, match, out, shots, seeds, seed, resamples } = settings
  const { progress } = context
  await requirePath(rlData, '--from-rl-data')
  const { evaluateRlData, readTrainedOn } = await import('@lever/icl-eval')
  const { makeThumbnail } = await import('@lever/vqa-model')
  const isGiven = Object.values(place).some((path) => path !== undefined)
  const dataset = isGiven ? await openEvaluated(place, progress, '--') : undefined
  const pool = poolPlace && (await openEvaluated(poolPlace, progress, '--pool-'))
  const features = await readFeatures(settings, { dataset, pool }, progress)
  const read = await readPolicies(settings, { features })
  const close: (() => Promise<void>)[] = []
  try {
    return await evaluateRlData({
      ...{ rlData, allowFallback, selectors, match, out, shots, seeds, seed, resamples },
      allowProtocolMismatch: settings.allowProtocolMismatch,
      ...reportingTo(context),
      dataset,
      pool,
      embeddings: await pairsOf(features),
      embeddingsFile: poolEmbeddings === undefined ? embeddings : undefined,
      policies: await openPolicies(read, settings, features, close),
      trainedOn: await readTrainedOn(read, settings.trainingData),
      static: { data: settings.staticData, reward: settings.staticReward },
      score: officialScore({ allowFallback }),
      versions: { lever: version() },
      report: { thumbnail: makeThumbnail },
    })
  } finally {
    for (const one of close.reverse()) await one()
  }
}

async function openEvaluated(
  place: DatasetPlace,
  progress: Progress,
  prefix: string,
): Promise<EvaluatedDataset> {
  return evaluatedDataset(await openDataset(place, progress, prefix), place, prefix)
}

async function readFeatures(
  { embeddings, poolEmbeddings }: OfflineSettings,
  { dataset, pool }: Readonly<Record<'dataset' | 'pool', EvaluatedDataset | undefined>>,
  progress: Progress,
): Promise<Features | undefined> {
  if (embeddings === undefined) return undefined
  const read = async (path: string, flag: string, of: EvaluatedDataset | undefined): Promise<Embeddings> => {
    await requirePath(path, flag)
    const set = await readEmbeddings(
      path,
      of?.examples.map(({ id }) => id),
    )
    if (of) for (const warning of sourceWarnings(set, of, flag)) progress.warn(warning)
    return set
  }
  const queries = await read(embeddings, '--embeddings', dataset)
  if (poolEmbeddings === undefined) return { queries, candidates: queries }
  const candidates = await read(poolEmbeddings, '--pool-embeddings', pool)
  const { checkOneEmbedder } = await import('@lever/tensor-files')
  checkOneEmbedder({ queries, candidates }, { queries: '--embeddings', candidates: '--pool-embeddings' })
  return { queries, candidates }
}
