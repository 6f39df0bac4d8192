import type { EvaluatedDataset, EvaluatedRun, EvaluateRunSettings } from '@lever/icl-eval'
import type { Dataset, Example } from '@lever/vqa-dataset'
import { distinctAnswers, expectedScore, metricOf, officialScore } from '@lever/vqa-eval'
import type { VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { version } from '../../version.ts'
import { pairsOf } from '../inputs/features.ts'
import { filesOf, openDataset } from '../inputs/dataset.ts'
import type { DatasetPlace } from '../inputs/dataset.ts'
import type { InputSettings } from '../inputs/inputs.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { ModelChoice } from '../model/model.ts'
import { callsOf, openModel, requireShown } from '../model/model.ts'
import { reportingTo } from './events.ts'
import type { PoliciesSettings } from './policies.ts'
import { openPolicies, readPolicies } from './policies.ts'

export interface EvaluateSettings
  extends
    InputSettings,
    ModelChoice,
    PoliciesSettings,
    Pick<EvaluateRunSettings, 'out' | 'selectors' | 'shots' | 'seeds' | 'seed'> {
  readonly validationDataset: string | undefined
  readonly staticData: readonly string[] | undefined
  readonly staticReward: 'expected' | 'accuracy' | undefined
  readonly staticSets: number
  readonly staticQuestions: number
  readonly oracleBudget: number
  readonly oracleLibrary: number
  readonly splitGain: number
  readonly resamples: number
  readonly strict: boolean
  readonly allowFallback: boolean
  readonly allowProtocolMismatch: boolean
  /** Also measure expected accuracies, of at most so many human answers. */
  readonly expected: boolean
  readonly maxAnswers: number | undefined
  readonly batchSize: number
}

/** Evaluates selectors and policies into a run directory. */
export async function runEvaluate(settings: EvaluateSettings, context: Context): Promise<EvaluatedRun> {
  const { allowFallback, validationDataset, place, poolPlace } = settings
  const { checkEvaluation, evaluateRun, readTrainedOn } = await import('@lever/icl-eval')
  const { answerWith, makeThumbnail } = await import('@lever/vqa-model')
  const inputs = await openInputs(settings, context.progress)
  const { dataset, pool, queries, features, pools } = inputs
  const score = officialScore({ allowFallback })
  checkEvaluation({ ...settings, pools, queries, score })
  const read = await readPolicies(settings, inputs)
  const trainedOn = await readTrainedOn(read, settings.trainingData)
  const model = await openModel({ ...settings, metric: metricOf(queries) }, context.progress)
  const close: (() => Promise<void>)[] = [() => model.close()]
  try {
    await requireShown(model, { queries, pool: pool.examples })
    return await evaluateRun({
      ...comparedBy(settings),
      expected: await expectedMeasure(model, settings, context),
      ...callsOf(model, settings.batchSize),
      ...reportingTo(context),
      dataset: await evaluatedDataset(dataset, place),
      pool: await evaluatedDataset(pool, poolPlace ?? place),
      queries,
      pools,
      embeddings: await pairsOf(features),
      policies: await openPolicies(read, settings, features, close),
      trainedOn,
      inputs: inputs.hashes,
      versions: { lever: version() },
      model,
      answer: answerWith(model),
      score,
      static: {
        data: settings.staticData,
        reward: settings.staticReward,
        sets: settings.staticSets,
        questions: settings.staticQuestions,
        validation: validationDataset === undefined ? undefined : validationOf(validationDataset, context),
      },
      report: { thumbnail: makeThumbnail },
    })
  } finally {
    for (const one of close.reverse()) await one()
  }
}

/** What the evaluation itself reads of the settings. */
function comparedBy(settings: EvaluateSettings) {
  const { out, selectors, shots, seeds, seed, oracleBudget, splitGain, resamples, strict } = settings
  const { allowProtocolMismatch, oracleLibrary } = settings
  return {
    ...{ out, selectors, shots, seeds, seed, oracleBudget, splitGain, resamples, strict },
    ...{ allowProtocolMismatch, oracleLibrary },
  }
}

/** How expected accuracies are measured; undefined where they are not wanted. */
async function expectedMeasure(
  model: VqaModel,
  { expected, maxAnswers, allowFallback }: EvaluateSettings,
  { progress }: Context,
): Promise<EvaluateRunSettings['expected']> {
  if (!expected) return undefined
  const { answerWith } = await import('@lever/vqa-model')
  if (!model.calls.sharesWork) {
    progress.info(
      'expected accuracies take a request for every prompt and each of its human answers; --max-answers bounds them, --no-expected leaves them out',
    )
  }
  const score = expectedScore({ allowFallback })
  const scored = { score: ({ answers }: Example) => distinctAnswers(answers, maxAnswers) }
  return {
    answer: answerWith(model, { ...scored, scoresOnly: true }),
    ...(model.calls.sharesWork && { together: answerWith(model, scored) }),
    of: (query, answer) => score('', query, answer).gtProb,
    maxAnswers,
  }
}

function validationOf(folder: string, { progress }: Context): () => Promise<EvaluatedDataset> {
  const place = { dataset: folder }
  return async () =>
    evaluatedDataset(await openDataset(place, progress, '--validation-'), place, '--validation-')
}

/** A dataset and its files, as an evaluation keeps them. */
export async function evaluatedDataset(
  { name, split, hash, examples }: Dataset,
  place: DatasetPlace,
  prefix = '--',
): Promise<EvaluatedDataset> {
  return { name, split, hash, examples, files: await filesOf(place, prefix) }
}
