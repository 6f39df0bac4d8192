import { openRunDirectory } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { AskOptions } from '../ask.ts'
import { lookUpEmbeddings } from '../embeddings.ts'
import { findLeakage } from '../leakage.ts'
import type { Leakage } from '../leakage.ts'
import { writeReport } from '../report/run/write.ts'
import { BASELINES, checkFeatures, checkShots, checkSomeShots, expandSelectors } from '../selectors/expand.ts'
import type { ExpandableSelector } from '../selectors/expand.ts'
import { namesNeeding } from '../selectors/index.ts'
import { resolveSelectors } from '../selectors/resolve.ts'
import type { Selector, StaticChoice } from '../selectors/types.ts'
import type { Example } from '../types.ts'
import { checkScorable } from '../evaluate.ts'
import { COMPARISON_SETTINGS, openAmong, reportingOf, seedsOf } from './comparison.ts'
import type { ComparisonSettings } from './comparison.ts'
import { evaluateAll, saveEvaluation } from './evaluate-all.ts'
import type { Evaluated } from './evaluate-all.ts'
import { agreementNotices, checkProtocol, untrainedWarnings } from './policies.ts'
import type { ExpectedMeasure } from './expected.ts'
import { recordRead } from './reads.ts'
import {
  datasetRecord,
  leakageRecord,
  leakageWarnings,
  poolsOfExamples,
  poolText,
  protocolRecord,
} from './records.ts'
import type { AskedModel, EvaluatedDataset, EvaluationRecord, NamedPools } from './records.ts'
import { measuredStatic } from './static-measured.ts'
import type { MeasuredStatic } from './static-measured.ts'
import { checkStatic, chooseStaticSets, isStatic, planNamed } from './static-sets.ts'
import type { StaticPlan, StaticSettings } from './static-sets.ts'

/** An evaluation in a run directory, with everything that is written about it. */
export interface EvaluateRunSettings
  extends ComparisonSettings, Pick<AskOptions, 'answer' | 'batchSize' | 'concurrency' | 'strict'> {
  /** The dataset of the questions. */
  readonly dataset: EvaluatedDataset
  /** What demonstrations come from. */
  readonly pool: EvaluatedDataset
  /** The questions of the dataset that are asked. */
  readonly queries: readonly Example[]
  /** The pool of every query, and how they were made. */
  readonly pools: NamedPools
  /** Hashes of the inputs, for the manifest. */
  readonly inputs?: Record<string, string>
  /** The protocol that `answer` answers under, for the journal, the manifest and the report. */
  readonly model: AskedModel
  /** Names of selectors; `all` for every one that the embeddings allow, `baselines` for those of them that need no training. */
  readonly selectors: readonly ExpandableSelector[]
  /** Sequences measured per question for the oracle at 2 shots and more. Default 48. */
  readonly oracleBudget?: number
  /** Single demonstrations outside the pools up to which the oracle at 1 shot is over the library. Default 0. */
  readonly oracleLibrary?: number
  /** Also measure expected accuracies. */
  readonly expected?: ExpectedMeasure | undefined
  /** How often the choices of every policy are shuffled over the queries, to split its gain. Default 1. */
  readonly splitGain?: number
  /** How `static` finds its sets, where it is among the selectors. */
  readonly static?: StaticSettings
}

export const EVALUATE_RUN_SETTINGS: OptionNames<EvaluateRunSettings> = {
  ...COMPARISON_SETTINGS,
  oracleLibrary: true,
  dataset: true,
  pool: true,
  queries: true,
  pools: true,
  inputs: true,
  model: true,
  selectors: true,
  oracleBudget: true,
  expected: true,
  splitGain: true,
  static: true,
  answer: true,
  batchSize: true,
  concurrency: true,
  strict: true,
}

/** An evaluation in its run directory, and what it shares with pools and training. */
export interface EvaluatedRun extends Evaluated {
  /** Path of the run directory. */
  readonly out: string
  readonly leakage: Leakage
}

/**
 * Checks of settings that need no model, so that they come before one is opened.
 * @throws InputError if shots do not fit the pools, or if a question cannot be scored
 */
export function checkEvaluation({
  shots,
  pools,
  queries,
  score,
}: Pick<EvaluateRunSettings, 'shots' | 'pools' | 'queries' | 'score'>): void {
  checkShots(shots, pools.size)
  checkScorable(queries, score)
}

/**
 * Evaluates selectors and policies into a run directory: answers, `per-question.jsonl`, `results.json` and
 * `report.html`. Run again with the same settings it continues; a selector added later costs only its own prompts.
 *
 * @throws InputError if the settings do not belong together, a selector is unknown or cannot be made, the folder holds
 * another run, or an answer failed and `strict` is true
 */
export async function evaluateRun(settings: EvaluateRunSettings): Promise<EvaluatedRun> {
  refuseUnknownOptions(settings, EVALUATE_RUN_SETTINGS, 'icl-eval: evaluateRun')
  checkStatic(settings.static)
  checkEvaluation(settings)
  checkProtocol(settings.policies, settings.model.protocolHash, settings.allowProtocolMismatch ?? false)
  for (const notice of agreementNotices(settings.policies)) settings.onNotice?.(notice)
  const choice = await chooseSelectors(settings)
  const run = await openRun(settings)
  try {
    const { record, leakage } = recordOf(settings, choice.selectorsWith([]))
    for (const warning of [...leakageWarnings(record.leakage), ...(record.warnings ?? [])]) {
      settings.onWarning?.(warning)
    }
    const asking = askingOf(settings, run)
    const searched =
      choice.plan && (await chooseStaticSets(choice.plan, { ...asking, static: settings.static }))
    const found = searched ?? choice.measured
    await recordRead(run, readOf(settings, choice.names))
    const evaluated = await evaluateAll({
      ...asking,
      queries: settings.queries,
      pools: poolsOfExamples(settings.pools.byQuery, settings.pool.examples),
      library: settings.pool.examples,
      selectors: choice.selectorsWith(searched?.sets ?? choice.measured?.effects ?? []),
      seeds: seedsOf(settings),
      embeddings: lookUpEmbeddings(settings.embeddings),
      split: {
        names: settings.policies.flatMap(({ selectors }) => selectors.map(({ name }) => name)),
        seeds: Array.from({ length: settings.splitGain ?? 1 }, (_, i) => settings.seed + i),
      },
      expected: settings.expected,
      oracle: choice.names.includes('oracle'),
      worst: choice.names.includes('worst'),
    })
    await saveEvaluation(run, evaluated)
    await run.update({ evaluated: { ...record, ...(found && { static: found.record }) } })
    await writeReport(run, {
      ...settings.report,
      openDataset: openAmong([settings.dataset, settings.pool]),
      ...reportingOf(settings),
    })
    return { ...evaluated, out: run.path, leakage }
  } finally {
    await run.close()
  }
}

interface Choice {
  readonly names: readonly string[]
  /** How the sets of `static` will be found. */
  readonly plan?: StaticPlan
  /** The main effects that `static` chooses by, where they were measured. */
  readonly measured?: MeasuredStatic
  readonly selectorsWith: (sets: StaticChoice) => Selector[]
}

async function chooseSelectors(settings: EvaluateRunSettings): Promise<Choice> {
  const { policies, shots } = settings
  const kinds = Object.keys(settings.embeddings)
  const named = policies.flatMap(({ selectors }) => selectors)
  const focus = policies.at(-1)?.name ?? 'rices-both'
  const expanded = expandSelectors(settings.selectors, { focus, kinds })
  if (settings.selectors.includes(BASELINES) && kinds.length === 0) {
    settings.onWarning?.(
      'without embeddings no retrieval is among the baselines, which is what people would do instead; make them with lever embed and give --embeddings',
    )
  }
  const { names, plan } = await planNamed(expanded, settings.selectors, settings)
  const measured = await measuredOf(settings, names)
  const bounds: readonly string[] = namesNeeding('measured')
  const plain = names.filter((name) => !bounds.includes(name) && !named.some((one) => one.name === name))
  const selectorsWith: Choice['selectorsWith'] = (sets) => [
    ...resolveSelectors(plain, { named, sets }),
    ...named,
  ]
  const wanted = selectorsWith([])
  checkFeatures(wanted, kinds)
  checkSomeShots(shots, names, wanted)
  return { names, selectorsWith, ...(plan && { plan }), ...(measured && { measured }) }
}

async function measuredOf(
  { static: settings, queries, shots, onNotice }: EvaluateRunSettings,
  names: readonly string[],
): Promise<MeasuredStatic | undefined> {
  if (settings?.data === undefined || !names.some(isStatic)) return undefined
  const { data: files, reward } = settings
  return measuredStatic({ files, reward, queries, shots: Math.max(...shots), onNotice })
}

function openRun(settings: EvaluateRunSettings): Promise<RunDirectory> {
  const { out, model, dataset, queries, pools, seed, inputs = {}, versions = {} } = settings
  return openRunDirectory({
    path: out,
    command: 'evaluate',
    config: {
      protocol: model.protocol,
      split: dataset.split,
      queries: queries.length,
      pool: {
        ...{ method: pools.method, size: pools.size, seed: pools.seed },
        ...(pools.policy !== undefined && { policy: pools.policy }),
      },
    },
    inputs,
    seed,
    versions,
  })
}

/** What asking for answers takes, wherever they are used. */
function askingOf(settings: EvaluateRunSettings, run: RunDirectory) {
  const { answer, score, shots, seed, batchSize, concurrency, strict, dataset, pool, model } = settings
  const { oracleBudget, oracleLibrary, resamples } = settings
  return {
    ...reportingOf(settings),
    ...{ answer, score, shots, seed, batchSize, concurrency, strict: strict ?? true },
    journal: run.file('answers.jsonl'),
    protocol: model.protocolHash,
    data: `${dataset.hash} ${pool.hash}`,
    ...(oracleBudget !== undefined && { oracleBudget }),
    ...(oracleLibrary !== undefined && { oracleLibrary }),
    ...(resamples !== undefined && { resamples }),
  }
}

function readOf(
  { dataset, queries, policies, shots, seeds }: EvaluateRunSettings,
  names: readonly string[],
): Parameters<typeof recordRead>[1] {
  return {
    split: dataset.split,
    data: dataset.hash,
    questions: queries.length,
    selectors: names,
    policies: Object.fromEntries(policies.map(({ name, hash }) => [name, hash])),
    shots,
    seeds,
  }
}

function recordOf(
  { dataset, pool, queries, pools, policies, model, trainedOn }: EvaluateRunSettings,
  wanted: readonly Selector[],
): { readonly record: EvaluationRecord; readonly leakage: Leakage } {
  const leakage = findLeakage({
    queries,
    pools: poolsOfExamples(pools.byQuery, pool.examples),
    training: [...(dataset.hash === pool.hash ? [] : pool.examples), ...trainedOn.examples],
  })
  const { files, examples, unknown } = trainedOn
  const warnings = untrainedWarnings(policies)
  const record = {
    dataset: datasetRecord(dataset),
    pool: datasetRecord(pool),
    pools: poolText(pools),
    focus:
      policies.at(-1)?.selectors.at(-1)?.name ??
      wanted.findLast(({ shots: count }) => count === 'many')?.name ??
      'random',
    protocol: protocolRecord(model),
    leakage: leakageRecord(leakage),
    trainedOn: { files, questions: examples.length, unknown },
    ...(warnings.length > 0 && { warnings }),
  }
  return { record, leakage }
}
