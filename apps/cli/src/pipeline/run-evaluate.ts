import { hashFile, InputError, openRunDirectory } from '@lever/durable-files'
import type { Leakage, Selector } from '@lever/icl-eval'
import type { PointerModel } from '@lever/pointer-model'
import type { VqaModel } from '@lever/vqa-model'
import type { Context } from '../command.ts'
import { requirePath } from '../files.ts'
import { version } from '../version.ts'
import type { Evaluated } from './evaluate.ts'
import { evaluateAll, saveEvaluation } from './evaluate.ts'
import { filesOf } from './dataset.ts'
import type { Inputs, InputSettings } from './inputs.ts'
import { openInputs } from './inputs.ts'
import type { ModelChoice } from './model.ts'
import { openModel } from './model.ts'
import { readPolicy, selectorOf } from './policy.ts'
import { recordRead } from './reads.ts'
import { datasetRecord, leakageRecord, leakageWarnings, poolText, protocolRecord } from './record.ts'
import type { EvaluationRecord } from './record.ts'
import { writeReport } from './report.ts'

export interface EvaluateSettings extends InputSettings, ModelChoice {
  readonly selectors: readonly string[]
  /** `NAME=FILE` each. */
  readonly policies: readonly string[]
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
  const {
    seed,
    shots,
    selectors: names,
    strict,
    allowFallback,
    oracleBudget,
    resamples,
    batchSize,
  } = settings
  const { findLeakage, resolveSelectors } = await import('@lever/icl-eval')
  const inputs = await openInputs(settings, progress)
  const { dataset, pool, queries, features, pools } = inputs
  checkShots(shots, pools.size)
  const policies = await readPolicies(settings, inputs)
  const model = await openModel(settings, progress)
  const close: (() => Promise<void>)[] = [() => model.close()]
  try {
    for (const one of policies) checkProtocol(one, model, settings.allowProtocolMismatch)
    const named: Selector[] = []
    const { openPolicy } = await import('@lever/pointer-model')
    for (const { name, model: net } of policies) {
      const policy = await openPolicy(net)
      close.push(() => policy.close())
      named.push(await selectorOf(name, policy, features!))
    }
    const plain = names.filter((name) => name !== 'oracle' && !policies.some((one) => one.name === name))
    const selectors = [...resolveSelectors(plain, { named }), ...named]
    checkFeatures(selectors, features)
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
    const leakage = findLeakage({ queries, pools: poolExamples, training: pool.examples })
    const { place, poolPlace } = settings
    const record: EvaluationRecord = {
      dataset: datasetRecord(dataset, await filesOf(place)),
      pool: datasetRecord(pool, await filesOf(poolPlace ?? place)),
      pools: poolText(pools),
      focus:
        named.at(-1)?.name ?? selectors.findLast(({ shots: count }) => count === 'many')?.name ?? 'random',
      protocol: protocolRecord(model),
      leakage: leakageRecord(leakage),
    }
    for (const warning of leakageWarnings(record.leakage, dataset !== pool)) progress.warn(warning)
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
      data: `${dataset.hash} ${pool.hash}`,
      features,
      selectors,
      oracle: names.includes('oracle'),
      oracleBudget,
      shots,
      seeds: Array.from({ length: settings.seeds }, (_, i) => seed + i),
      journal: run.file('answers.jsonl'),
      strict,
      allowFallback,
      batchSize,
      resamples,
      seed,
      progress,
      signal,
    })
    await saveEvaluation(run, evaluated)
    await run.update({ evaluated: record })
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

/** A policy that is evaluated. */
export interface PolicyRow {
  readonly name: string
  readonly file: string
  readonly hash: string
  readonly model: PointerModel
  readonly protocolHash: string | undefined
  /** Hash of the data that it was trained on. */
  readonly dataHash: string | undefined
}

/** @throws InputError for a policy that is broken, has no name, or does not fit the embeddings */
export async function readPolicies(
  { policies, seed }: Pick<EvaluateSettings, 'policies' | 'seed'>,
  { features }: Pick<Inputs, 'features'>,
): Promise<PolicyRow[]> {
  const rows: PolicyRow[] = []
  for (const given of policies) {
    const [, name = '', file = ''] = /^([^=/]+)=(.+)$/.exec(given) ?? []
    if (name === '')
      throw new InputError(`--policies: "${given}" is not NAME=FILE; write pointer-rce=${given}, for example`)
    if (rows.some((row) => row.name === name))
      throw new InputError(`--policies: the name ${name} is given twice; rename one`)
    if (features === undefined)
      throw new InputError('--policies need embeddings; give --embeddings (make them with lever embed)')
    await requirePath(file, '--policies')
    const choice = { policy: file, architecture: '', hidden: undefined }
    const { model, info } = await readPolicy(choice, features.candidates.dim, seed)
    rows.push({
      name,
      file,
      hash: await hashFile(file),
      model,
      protocolHash: info.protocolHash,
      dataHash: info.dataHash,
    })
  }
  return rows
}

/** @throws InputError when a policy's rewards were measured under another protocol */
export function checkProtocol(
  { file, protocolHash }: PolicyRow,
  model: Pick<VqaModel, 'protocolHash'>,
  allowed: boolean,
): void {
  if (allowed || protocolHash === undefined || protocolHash === model.protocolHash) return
  throw new InputError(
    `${file} was trained on rewards of another protocol (${protocolHash.slice(0, 12)}, here ${model.protocolHash.slice(0, 12)}): another model, prompt or decoding; use that one, or --allow-protocol-mismatch`,
  )
}

function checkShots(shots: readonly number[], poolSize: number): void {
  const most = Math.max(...shots)
  if (most > poolSize)
    throw new InputError(
      `--shots asks for ${most} demonstrations from pools of ${poolSize}; give fewer, or a larger --pool-size`,
    )
  if (new Set(shots).size < shots.length)
    throw new InputError(`--shots ${shots.join(',')} names one number twice; name each once`)
}

/** @throws InputError when a selector needs embeddings and there are none */
export function checkFeatures(selectors: readonly Selector[], features: Inputs['features']): void {
  const needy = selectors.find(({ needs }) => needs.length > 0)
  if (features !== undefined || needy === undefined) return
  throw new InputError(
    `the selector ${needy.name} needs embeddings; give --embeddings (make them with lever embed), or leave it out of --selectors`,
  )
}
