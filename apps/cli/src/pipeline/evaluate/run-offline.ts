import { resolve } from 'node:path'
import { hashFile, hashOf, InputError, openRunDirectory } from '@lever/durable-files'
import type { Coverage } from '@lever/icl-eval'
import type { Context } from '../../command.ts'
import { formatTable } from '../../table.ts'
import { version } from '../../version.ts'
import { saveEvaluation } from './evaluate.ts'
import type { Evaluated } from './evaluate.ts'
import type { Features } from '../inputs/features.ts'
import { pairsOf } from '../inputs/features.ts'
import type { OfflineInputSettings } from './offline-inputs.ts'
import { openOfflineInputs } from './offline-inputs.ts'
import type { PoliciesSettings, PolicyRow } from './policies.ts'
import { checkProtocol, openPolicies, readPolicies, trainedOn } from './policies.ts'
import { recordRead } from './reads.ts'
import { leakageRecord, leakageWarnings } from './record.ts'
import { writeReport } from '../report/report.ts'
import { officialScore } from '@lever/vqa-eval'
import { checkFeatures, expandSelectors } from './selection.ts'

export interface OfflineSettings extends OfflineInputSettings, PoliciesSettings {
  /** Undefined: all that need nothing that is missing. */
  readonly selectors: readonly string[] | undefined
  readonly seeds: number
  readonly resamples: number
  readonly match: 'ordered' | 'set'
  readonly allowProtocolMismatch: boolean
  readonly out: string
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
  const { queries, shots, features, dataset, pool, split, protocol, hashes } = await openOfflineInputs(
    settings,
    progress,
  )
  const policies = await readPolicies(settings, { features })
  const close: (() => Promise<void>)[] = []
  try {
    for (const one of policies) {
      if (protocol) checkProtocol(one, { protocolHash: protocol.hash }, settings.allowProtocolMismatch)
    }
    const named = await openPolicies(policies, settings, features, close)
    const focus = policies.at(-1)?.name ?? 'similarity-both'
    const names = await expandSelectors(settings.selectors ?? defaultSelectors(features), {
      focus,
      features,
      without: [STATIC],
    })
    if (names.some((name) => name.split(':').at(-1) === STATIC)) {
      throw new InputError(`${STATIC} is chosen by asking a model; leave it out with --from-rl-data`)
    }
    const plain = names.filter((name) => name !== METHODS && !named.some((one) => one.name === name))
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
    const trained = await trainedOn(policies, settings.trainingData)
    const leakage = leakageRecord(
      findLeakage({
        queries: queries.map(({ query }) => query),
        pools: new Map(queries.map(({ query, pool }) => [query.id, pool])),
        training: trained.examples,
      }),
    )
    const warnings = await trainedOnThis(policies, settings)
    for (const warning of [...leakageWarnings(leakage), ...warnings]) progress.warn(warning)
    await saveEvaluation(run, { rows: all, summary }, { coverage })
    await run.update({
      rlData: [resolve(rlData)],
      evaluated: {
        dataset,
        pool,
        pools: 'as measured',
        focus: policies.at(-1)?.name ?? 'oracle',
        protocol,
        leakage,
        trainedOn: { files: trained.files, questions: trained.examples.length, unknown: trained.unknown },
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
const STATIC = 'static-best'

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
