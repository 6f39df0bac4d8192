import { openRunDirectory } from '@lever/durable-files'
import type { Example, Leakage, Selector } from '@lever/icl-eval'
import type { Context } from '../../command.ts'
import { version } from '../../version.ts'
import type { Evaluated } from './evaluate.ts'
import { answersHeader, evaluateAll, saveEvaluation } from './evaluate.ts'
import { filesOf } from '../inputs/dataset.ts'
import type { InputSettings } from '../inputs/inputs.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { ModelChoice } from '../model/model.ts'
import { openModel } from '../model/model.ts'
import type { PoliciesSettings } from './policies.ts'
import { checkProtocol, openPolicies, readPolicies, trainedOn } from './policies.ts'
import { recordRead } from './reads.ts'
import { datasetRecord, leakageRecord, leakageWarnings, poolText, protocolRecord } from './record.ts'
import type { EvaluationRecord } from './record.ts'
import { writeReport } from '../report/report.ts'
import { metricOf, officialScore } from '@lever/vqa-eval'
import { checkFeatures, checkShots, checkSomeShots, expandSelectors } from './selection.ts'
import type { StaticSettings } from './static-sets.ts'
import { chooseStaticSets, planNamed } from './static-sets.ts'

export interface EvaluateSettings extends InputSettings, ModelChoice, PoliciesSettings, StaticSettings {
  readonly selectors: readonly string[]
  readonly shots: readonly number[]
  readonly seeds: number
  readonly oracleBudget: number
  readonly resamples: number
  readonly strict: boolean
  readonly allowFallback: boolean
  readonly allowProtocolMismatch: boolean
  readonly batchSize: number
  readonly out: string
}

export interface RunEvaluated extends Evaluated {
  readonly out: string
  readonly leakage: Leakage
}

/** Evaluates selectors and policies into a run directory. */
export async function runEvaluate(
  settings: EvaluateSettings,
  { progress, signal }: Context,
): Promise<RunEvaluated> {
  const { seed, shots, strict, allowFallback, oracleBudget, resamples, batchSize } = settings
  const { checkScorable, findLeakage, resolveSelectors } = await import('@lever/icl-eval')
  const inputs = await openInputs(settings, progress)
  const { dataset, pool, queries, features, pools } = inputs
  checkShots(shots, pools.size)
  checkScorable(queries, officialScore({ allowFallback }))
  const policies = await readPolicies(settings, inputs)
  const trained = await trainedOn(policies, settings.trainingData)
  const model = await openModel({ ...settings, metric: metricOf(queries) }, progress)
  const close: (() => Promise<void>)[] = [() => model.close()]
  try {
    for (const one of policies) checkProtocol(one, model, settings.allowProtocolMismatch)
    const named = await openPolicies(policies, settings, features, close)
    const focus = policies.at(-1)?.name ?? 'similarity-both'
    const expanded = await expandSelectors(settings.selectors, { focus, features })
    const { names, plan } = await planNamed(expanded, settings, inputs, { progress })
    const bounds = ['oracle', 'worst']
    const plain = names.filter((name) => !bounds.includes(name) && !named.some((one) => one.name === name))
    const resolve = (sets: readonly (readonly Example[])[]): Selector[] => [
      ...resolveSelectors(plain, { named, sets }),
      ...named,
    ]
    const wanted = resolve([])
    checkFeatures(wanted, features)
    checkSomeShots(shots, names, wanted)
    const run = await openRunDirectory({
      path: settings.out,
      command: 'evaluate',
      config: {
        protocol: model.protocol,
        split: dataset.split,
        queries: queries.length,
        pool: { method: pools.method, size: pools.size, seed: pools.seed },
      },
      inputs: inputs.hashes,
      seed,
      versions: { lever: version() },
    })
    close.push(() => run.close())
    const byId = new Map(pool.examples.map((example) => [example.id, example]))
    const poolExamples = new Map(
      Array.from(pools.byQuery, ([id, ids]) => [id, ids.map((one) => byId.get(one)!)] as const),
    )
    const training = [...(dataset === pool ? [] : pool.examples), ...trained.examples]
    const leakage = findLeakage({ queries, pools: poolExamples, training })
    const { place, poolPlace } = settings
    const data = `${dataset.hash} ${pool.hash}`
    const journal = run.file('answers.jsonl')
    const record: EvaluationRecord = {
      dataset: datasetRecord(dataset, await filesOf(place)),
      pool: datasetRecord(pool, await filesOf(poolPlace ?? place)),
      pools: poolText(pools),
      focus: named.at(-1)?.name ?? wanted.findLast(({ shots: count }) => count === 'many')?.name ?? 'random',
      protocol: protocolRecord(model),
      leakage: leakageRecord(leakage),
      trainedOn: { files: trained.files, questions: trained.examples.length, unknown: trained.unknown },
    }
    for (const warning of leakageWarnings(record.leakage)) progress.warn(warning)
    const found =
      plan &&
      (await chooseStaticSets(plan, settings, {
        model,
        journal,
        header: answersHeader(model, data),
        context: { progress, signal },
      }))
    await recordRead(run, {
      split: dataset.split,
      data: dataset.hash,
      questions: queries.length,
      selectors: names,
      policies: Object.fromEntries(policies.map(({ name, hash }) => [name, hash])),
      shots,
      seeds: settings.seeds,
    })
    const evaluated = await evaluateAll({
      model,
      queries,
      candidates: pool.examples,
      pools,
      data,
      features,
      selectors: found === undefined ? wanted : resolve(found.sets),
      oracle: names.includes('oracle'),
      worst: names.includes('worst'),
      oracleBudget,
      shots,
      seeds: Array.from({ length: settings.seeds }, (_, i) => seed + i),
      journal,
      strict,
      allowFallback,
      batchSize,
      resamples,
      seed,
      progress,
      signal,
    })
    await saveEvaluation(run, evaluated)
    await run.update({ evaluated: { ...record, ...(found && { static: found.record }) } })
    await writeReport(run, { progress, signal })
    return { ...evaluated, out: run.path, leakage }
  } finally {
    for (const one of close.reverse()) await one()
  }
}

export async function formatEvaluated({ summary, out }: RunEvaluated): Promise<string> {
  const { renderText } = await import('@lever/icl-eval')
  return `${renderText(summary)}\nrun directory: ${out} (report.html, results.json, per-question.jsonl)`
}
