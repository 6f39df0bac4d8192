import { join } from 'node:path'
import { canonicalJson, hashFile, hashOf, writeFileAtomic } from '@lever/durable-files'
import type { QueryRewards } from '@lever/grpo-trainer'
import type { Context } from '../../command.ts'
import { readJson } from '../../files.ts'
import { version } from '../../version.ts'
import type { RewardChoice } from '../train/rewards.ts'
import { groupOptionsOf } from '../train/rewards.ts'
import { loadTraining } from '../train/training-data.ts'

type Options = Readonly<Record<string, unknown>>

/** A cell that was trained: `cell.json` in its run directory. */
export interface CellRecord {
  /** Hash of options, inputs and version. */
  readonly key: string
  readonly seconds: number
  /** Parameters of the policy. */
  readonly parameters: number
  readonly best: ScoredPolicy
  readonly last: ScoredPolicy
}

/** The policies of a cell that can be scored. */
export const SCORED = ['best', 'last'] as const

export type Scored = (typeof SCORED)[number]

/** A policy of a cell, and where it comes from. */
export interface ScoredPolicy {
  readonly phase: string
  readonly epoch: number
  /** Its official accuracy on the measured pointers of the validation queries. */
  readonly validation: readonly QueryRewards[]
}

/** Options that say how, not what, is trained. */
const OUTSIDE = ['out', 'threads', 'saveEvery', 'keepEpochs', 'tensorboard']

/** What a cell depends on, as a hash: options, contents of files, version. @throws when a file cannot be read */
export async function keyOf(options: Options, fileHash: (path: string) => Promise<string>): Promise<string> {
  const inputs: string[] = []
  for (const path of [options['rlData'], options['embeddings'], options['queryEmbeddings'], options['init']]
    .flat()
    .filter((one) => typeof one === 'string')) {
    inputs.push(await fileHash(path))
  }
  const what = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !OUTSIDE.includes(name) && !PATHS.includes(name),
  )
  return hashOf({ cell: 2, options: Object.fromEntries(what), inputs, version: version() })
}

const PATHS = ['rlData', 'embeddings', 'queryEmbeddings', 'init']

/** A function that hashes every file once. */
export function cachedHashes(): (path: string) => Promise<string> {
  const known = new Map<string, Promise<string>>()
  return (path) => {
    const hash = known.get(path) ?? hashFile(path)
    known.set(path, hash)
    return hash
  }
}

/** The record of a finished cell; undefined when there is none or it is of something else. */
export async function readCell(folder: string, key: string): Promise<CellRecord | undefined> {
  const record = (await readJson(join(folder, RECORD)).catch(() => undefined)) as CellRecord | undefined
  return record?.key === key ? record : undefined
}

/** Checkpoint of a cell. */
export function checkpointOf(folder: string, which: Scored): string {
  return join(folder, 'checkpoints', `${which}.safetensors`)
}

/**
 * Trains a cell as `lever train` does, continuing what is there, and scores its best and its last policy on the validation
 * queries by the official accuracy, which is the same measure for cells of all rewards.
 */
export async function runCell(
  { options, folder, key }: { options: Options; folder: string; key: string },
  context: Context,
): Promise<CellRecord> {
  const started = performance.now()
  const { train } = await import('../../commands/train.ts')
  const { json } = await train.run({ ...options, out: folder }, context, [])
  const places = json as Record<Scored, Omit<ScoredPolicy, 'validation'>>
  const { scorePolicy } = await import('@lever/grpo-trainer')
  const { architectureOf, countParameters, readCheckpoint } = await import('@lever/pointer-model')
  const choice = options as unknown as RewardChoice & {
    rlData: readonly string[]
    embeddings: string
    queryEmbeddings: string | undefined
    valRatio: number
    splitBy: 'data' | 'image' | undefined
    seed: number
  }
  const { skipFallbackReward, missingZero } = choice
  const rewards = groupOptionsOf({
    ...choice,
    rewardMode: 'soft_only',
    hardWeight: undefined,
    softWeight: undefined,
    rewardClip: undefined,
    shotWeights: undefined,
    filterGenMethods: undefined,
    includeTransferred: false,
    skipFallbackReward,
    missingZero,
  })
  const { model } = await readCheckpoint(checkpointOf(folder, 'best'))
  const { stops = false } = architectureOf(model.architecture)
  const { data } = await loadTraining({
    ...choice,
    rewards: stops ? { ...rewards, prefixes: true } : rewards,
    validation: choice.valRatio,
  })
  const score = async (which: Scored): Promise<ScoredPolicy> => ({
    phase: places[which].phase,
    epoch: places[which].epoch,
    validation: await scorePolicy({
      model: (await readCheckpoint(checkpointOf(folder, which))).model,
      groups: data.validation ?? [],
      embeddings: data.embeddings,
      ...(data.queryEmbeddings && { queryEmbeddings: data.queryEmbeddings }),
    }),
  })
  const record: CellRecord = {
    key,
    seconds: Math.round((performance.now() - started) / 10) / 100,
    parameters: countParameters(model),
    best: await score('best'),
    last: await score('last'),
  }
  await writeFileAtomic(join(folder, RECORD), `${canonicalJson(record)}\n`)
  return record
}

const RECORD = 'cell.json'
