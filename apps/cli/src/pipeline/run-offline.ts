import { resolve } from 'node:path'
import { hashFile, hashOf, InputError, openRunDirectory } from '@lever/durable-files'
import type { Coverage, Selector } from '@lever/icl-eval'
import type { Context } from '../command.ts'
import { formatTable } from '../table.ts'
import { version } from '../version.ts'
import { saveEvaluation } from './evaluate.ts'
import type { Evaluated } from './evaluate.ts'
import type { Features } from './generate.ts'
import { pairsOf } from './generate.ts'
import type { OfflineInputSettings } from './offline-inputs.ts'
import { openOfflineInputs } from './offline-inputs.ts'
import { selectorOf } from './policy.ts'
import { recordRead } from './reads.ts'
import { leakageRecord, leakageWarnings } from './record.ts'
import { writeReport } from './report.ts'
import type { PolicyRow } from './run-evaluate.ts'
import { checkFeatures, checkProtocol, readPolicies } from './run-evaluate.ts'
import { officialScore } from './scoring.ts'

export interface OfflineSettings extends OfflineInputSettings {
  /** Undefined: all that need nothing that is missing. */
  readonly selectors: readonly string[] | undefined
  /** `NAME=FILE` each. */
  readonly policies: readonly string[]
  readonly seeds: number
  readonly resamples: number
  readonly match: 'ordered' | 'set'
  readonly allowProtocolMismatch: boolean
  readonly out: string
  readonly seed: number
}

export interface RunOffline extends Evaluated {
  readonly out: string
  readonly coverage: readonly Coverage[]
}

/**
 * Evaluates selectors and policies on measured rewards alone: a choice that was measured has its accuracy,
 * another one is not covered. Asks no model.
 */
export async function runOffline(settings: OfflineSettings, context: Context): Promise<RunOffline> {
  const { progress } = context
  const { rlData, seed, resamples, match, allowFallback } = settings
  const {
    evaluateMeasured,
    findLeakage,
    lookUpEmbeddings,
    measuredOf,
    methodRows,
    resolveSelectors,
    summarize,
  } = await import('@lever/icl-eval')
  const { openPolicy } = await import('@lever/pointer-model')
  const { queries, shots, features, dataset, pool, split, protocol, hashes } = await openOfflineInputs(
    settings,
    progress,
  )
  const policies = await readPolicies(settings, { features })
  const close: (() => Promise<void>)[] = []
  try {
    const named: Selector[] = []
    for (const one of policies) {
      if (protocol) checkProtocol(one, { protocolHash: protocol.hash }, settings.allowProtocolMismatch)
      const policy = await openPolicy(one.model)
      close.push(() => policy.close())
      named.push(await selectorOf(one.name, policy, features!))
    }
    const names = settings.selectors ?? defaultSelectors(features)
    const plain = names.filter((name) => name !== METHODS && !policies.some((one) => one.name === name))
    const selectors = [...resolveSelectors(plain, { named, measured: measuredOf(queries) }), ...named]
    checkFeatures(selectors, features)
    const run = await openRunDirectory({
      path: settings.out,
      command: 'evaluate',
      config: { offline: true, match, allowFallback, protocol: protocol?.hash ?? null },
      inputs: hashes,
      seed,
      versions: { lever: version() },
    })
    close.push(() => run.close())
    await recordRead(run, {
      split,
      data: hashes['rl-data']!,
      questions: queries.length,
      selectors: names,
      policies: Object.fromEntries(policies.map(({ name, hash }) => [name, hash])),
      shots,
      seeds: settings.seeds,
    })
    const tables = Object.fromEntries(
      Object.entries(pairsOf(features)).map(([kind, pair]) => [
        kind,
        { queries: pair.queries, examples: pair.candidates },
      ]),
    )
    const { rows, coverage } = await evaluateMeasured({
      queries,
      selectors,
      shots,
      seeds: Array.from({ length: settings.seeds }, (_, i) => seed + i),
      match,
      embeddings: lookUpEmbeddings(tables),
      ...(dataset && { score: officialScore({ allowFallback }) }),
    })
    const methods = names.includes(METHODS)
      ? methodRows(queries).filter(
          ({ shots: count, selector }) =>
            shots.includes(count) && !(selector === 'method:random' && names.includes('random')),
        )
      : []
    const all = [...rows, ...methods]
    if (all.length === 0) {
      throw new InputError(
        `not one choice of ${names.join(', ')} is among the measured pointers of ${rlData}; try random, oracle or methods, or --match set`,
      )
    }
    const summary = summarize(all, { seed, resamples })
    const leakage = leakageRecord(
      findLeakage({
        queries: queries.map(({ query }) => query),
        pools: new Map(queries.map(({ query, pool }) => [query.id, pool])),
      }),
    )
    const warnings = await trainedOnThis(policies, settings)
    for (const warning of [...leakageWarnings(leakage, false), ...warnings]) progress.warn(warning)
    await saveEvaluation(run, { rows: all, summary }, { coverage })
    await run.update({
      rlData: [resolve(rlData)],
      evaluated: {
        dataset,
        pool,
        pools: 'as measured',
        focus: named.at(-1)?.name ?? 'oracle',
        protocol,
        leakage,
        warnings,
      },
    })
    await writeReport(run, context)
    return { rows: all, summary, coverage, out: run.path }
  } finally {
    for (const one of close.reverse()) await one()
  }
}

/** The selector that stands for all proposal methods of the data, a row each. */
const METHODS = 'methods'

export async function formatOffline({ summary, coverage, out }: RunOffline): Promise<string> {
  const { renderText } = await import('@lever/icl-eval')
  const rows = coverage.map(({ selector, shots, choices, measured }) => [
    selector,
    String(shots),
    `${measured} of ${choices}`,
    `${((100 * measured) / choices).toFixed(1)} %`,
  ])
  return [
    renderText(summary).trimEnd(),
    '',
    'Coverage: choices that had been measured; the others count nowhere',
    formatTable([['selector', 'shots', 'measured', ''], ...rows]),
    '',
    `run directory: ${out} (report.html, results.json, per-question.jsonl)`,
  ].join('\n')
}

/** Policies that were trained on this very data: their figures say nothing about other questions. */
async function trainedOnThis(
  policies: readonly PolicyRow[],
  { rlData, embeddings, poolEmbeddings }: OfflineSettings,
): Promise<string[]> {
  if (embeddings === undefined || poolEmbeddings !== undefined) return []
  const hash = hashOf({ embeddings: await hashFile(embeddings), 'rl-data': await hashFile(rlData) })
  return policies
    .filter(({ dataHash }) => dataHash === hash)
    .map(({ name }) => `${name} was trained on these very rewards: its figures are no test result`)
}

function defaultSelectors(features: Features | undefined): string[] {
  const kinds = Object.keys(pairsOf(features))
  return ['random', ...kinds.map((kind) => `similarity-${kind}`), 'worst', 'oracle', METHODS]
}
