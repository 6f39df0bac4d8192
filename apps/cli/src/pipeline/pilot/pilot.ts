import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hashFile, InputError, openRunDirectory, writeFilesAtomic } from '@lever/durable-files'
import type { PilotReport } from '@lever/rl-generate'
import type { RlData } from '@lever/rl-dataset'
import type { Context } from '../../command.ts'
import { requirePath } from '../../files.ts'
import { version } from '../../version.ts'
import { generate } from '../generate/generate.ts'
import type { GenerateSettings } from '../generate/generate.ts'
import { readEmbeddings } from '../inputs/features.ts'
import { readModelProtocol, type ModelChoice } from '../model/model.ts'

interface PilotSettings {
  readonly embeddings: string | undefined
  readonly poolEmbeddings: string | undefined
  readonly promptsPerSecond: number | undefined
  readonly pricePerHour: number | undefined
  readonly out: string | undefined
}

export interface PilotData extends PilotSettings {
  readonly rlData: string
  readonly otherWording: string | undefined
}

/** A pilot on outcomes that were measured before. */
export async function pilotFromData(settings: PilotData, context: Context): Promise<PilotReport> {
  const { rlData, otherWording } = settings
  await requirePath(rlData, '--from-rl-data')
  if (otherWording === undefined) {
    context.progress.warn(
      'without --other-wording, the same choices under another wording of the prompt, nobody knows how much of the differences is luck',
    )
  } else await requirePath(otherWording, '--other-wording')
  return recorded(settings.out, { rlData, otherWording }, () => analyse(settings, rlData, otherWording))
}

/** Does the work of a pilot in its run directory, if it has one, so that a report finds what it was. */
async function recorded(
  out: string | undefined,
  files: Readonly<Record<string, string | undefined>>,
  work: () => Promise<PilotReport>,
): Promise<PilotReport> {
  if (out === undefined) return work()
  const inputs: Record<string, string> = {}
  for (const [name, file] of Object.entries(files))
    if (file !== undefined) inputs[name] = await hashFile(file)
  const run = await openRunDirectory({
    path: out,
    command: 'pilot',
    config: {},
    inputs,
    versions: { lever: version() },
  })
  try {
    return await work()
  } finally {
    await run.close()
  }
}

export interface PilotMeasure
  extends
    PilotSettings,
    Omit<
      GenerateSettings,
      | 'shots'
      | 'mix'
      | 'size'
      | 'prefixes'
      | 'shard'
      | 'strict'
      | 'allowFallback'
      | 'reward'
      | 'relScore'
      | 'untilInformative'
      | 'queue'
      | 'queueName'
      | 'jobSize'
      | 'policy'
      | 'architecture'
      | 'hidden'
    > {
  readonly out: string
  readonly singles: number
  readonly otherTemplate: ModelChoice['template']
  readonly otherSystem: string | undefined
}

/**
 * Measures single demonstrations under two wordings, each into a folder of the run directory with its own journal, so that
 * an interrupted pilot continues; then analyses them.
 *
 * @throws InputError if the two wordings are one
 */
export async function pilotWithModel(settings: PilotMeasure, context: Context): Promise<PilotReport> {
  const { otherTemplate, otherSystem, out } = settings
  if (otherTemplate === undefined && otherSystem === undefined) {
    throw new InputError(
      'a pilot measures every choice under two wordings of the prompt, to tell what is luck; give --other-template or --other-system',
    )
  }
  return recorded(out, {}, () => measureAndAnalyse(settings, context))
}

async function measureAndAnalyse(settings: PilotMeasure, context: Context): Promise<PilotReport> {
  const { otherTemplate, otherSystem, singles, out, embeddings } = settings
  const otherWording = {
    ...(otherTemplate !== undefined && { template: otherTemplate }),
    ...(otherSystem !== undefined && { system: otherSystem }),
  }
  await requireTwoWordings(settings, { ...settings, ...otherWording }, context)
  const similar = embeddings === undefined ? 0 : Math.floor(singles / 4)
  const { defaultMix } = await import('@lever/rl-generate')
  const mix = defaultMix({
    informed: embeddings !== undefined,
    counts: { beam: 0, sample: 0, retrieval: similar, random: singles - similar },
    temperatures: [],
  })
  const measure = async (name: string, wording: object): Promise<{ rlData: string; rate: number }> => {
    const folder = join(out, name)
    await mkdir(folder, { recursive: true })
    const { rlData, statistics } = await generate(
      {
        ...settings,
        ...{
          shots: 1,
          mix,
          size: singles,
          prefixes: [0],
          shard: undefined,
          strict: true,
          allowFallback: false,
        },
        ...{ reward: 'both', relScore: false, untilInformative: undefined },
        ...{
          queue: undefined,
          queueName: '',
          jobSize: 1,
          policy: undefined,
          architecture: undefined,
          hidden: undefined,
        },
        ...wording,
        out: folder,
      },
      context,
    )
    return { rlData: rlData!, rate: statistics.prompts / statistics.seconds }
  }
  const first = await measure('wording-1', {})
  const second = await measure('wording-2', otherWording)
  const measured = first.rate > 0 && Number.isFinite(first.rate) ? first.rate : undefined
  const { promptsPerSecond = measured } = settings
  return analyse({ ...settings, promptsPerSecond }, first.rlData, second.rlData)
}

/** @throws InputError if the second wording makes the prompts of the first, before anything is measured */
async function requireTwoWordings(
  first: ModelChoice,
  second: ModelChoice,
  { progress }: Context,
): Promise<void> {
  const [one, other] = [await readModelProtocol(first, progress), await readModelProtocol(second, progress)]
  if (one.protocolHash !== other.protocolHash) return
  throw new InputError(
    'the second wording of the pilot is the first one; give another template (--other-template) or another system prompt (--other-system)',
  )
}

async function analyse(
  { embeddings, poolEmbeddings, promptsPerSecond, pricePerHour, out }: PilotSettings,
  rlData: string,
  otherWording: string | undefined,
): Promise<PilotReport> {
  const { analysePilot, formatPilot, pilotFeatures } = await import('@lever/rl-generate')
  const { readRlData } = await import('@lever/rl-dataset/node')
  const { pairsOf } = await import('@lever/tensor-files')
  const read = (path: string | undefined): Promise<RlData> | undefined =>
    path === undefined ? undefined : readRlData(path)
  const queries = embeddings === undefined ? undefined : await readEmbeddings(embeddings)
  const candidates = poolEmbeddings === undefined ? queries : await readEmbeddings(poolEmbeddings)
  const report = analysePilot({
    data: await readRlData(rlData),
    other: await read(otherWording),
    features: queries && candidates && pilotFeatures(pairsOf({ queries, candidates })),
    ...{ promptsPerSecond, pricePerHour },
  })
  if (out !== undefined) {
    await mkdir(out, { recursive: true })
    await writeFilesAtomic([
      { path: join(out, 'pilot.json'), data: `${JSON.stringify(report, null, 2)}\n` },
      { path: join(out, 'pilot.txt'), data: `${formatPilot(report)}\n` },
    ])
  }
  return report
}
