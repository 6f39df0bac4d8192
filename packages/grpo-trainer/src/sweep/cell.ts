import { join } from 'node:path'
import { canonicalJson, hashFile, hashOf, readJson, writeFileAtomic } from '@lever/durable-files'
import { architectureOf, countParameters, readCheckpoint } from '@lever/pointer-model'
import { loadTraining } from '../files/training-data.ts'
import { trainFiles } from '../files/train-files.ts'
import type { TrainFilesEvent, TrainFilesOptions, TrainingPlan } from '../files/plan.ts'
import type { QueryRewards } from '../reward-metrics.ts'
import { scorePolicy } from '../score-policy.ts'

/** A cell that was trained: `cell.json` in its run directory. */
export interface CellRecord {
  /** Hash of settings, inputs and version. */
  readonly key: string
  readonly seconds: number
  /** Parameters of the policy. */
  readonly parameters: number
  readonly best: ScoredPolicy
  readonly last: ScoredPolicy
}

/** The policies of a cell that can be scored. */
export const CELL_POLICIES = ['best', 'last'] as const

/** Which policy of a cell counts: the best on validation, or the last. */
export type CellPolicy = (typeof CELL_POLICIES)[number]

/** A policy of a cell, and where it comes from. */
export interface ScoredPolicy {
  readonly phase: string
  readonly epoch: number
  /** Its official accuracy on the measured pointers of the validation queries. */
  readonly validation: readonly QueryRewards[]
}

/**
 * What a cell depends on, as a hash: settings, contents of files, version.
 * @throws if a file cannot be read
 */
export async function keyOf(
  plan: Omit<TrainingPlan, 'out'>,
  versions: Readonly<Record<string, string>>,
  fileHash: (path: string) => Promise<string>,
): Promise<string> {
  const { rlData, embeddings, queryEmbeddings, init, poolFile } = plan
  const inputs: string[] = []
  for (const path of [...rlData, embeddings, queryEmbeddings, init, poolFile]) {
    if (path !== undefined) inputs.push(await fileHash(path))
  }
  const settings = Object.entries(plan).filter(
    ([name, value]) => value !== undefined && !PATHS.includes(name) && !OUTSIDE.includes(name),
  )
  return hashOf({ cell: 3, settings: Object.fromEntries(settings), inputs, versions })
}

const PATHS = ['rlData', 'embeddings', 'queryEmbeddings', 'init', 'poolFile']

/** Settings that say how, not what, is trained. */
const OUTSIDE = ['out', 'threads', 'saveEvery', 'keepEpochs', 'tensorboard', 'floor']

/** A function that hashes every file once. */
export function cachedHashes(): (path: string) => Promise<string> {
  const known = new Map<string, Promise<string>>()
  return (path) => {
    const hash = known.get(path) ?? hashFile(path)
    known.set(path, hash)
    return hash
  }
}

/** The record of a finished cell; undefined if there is none or it is of something else. */
export async function readCell(folder: string, key: string): Promise<CellRecord | undefined> {
  const record = (await readJson(join(folder, RECORD)).catch(() => undefined)) as CellRecord | undefined
  return record?.key === key ? record : undefined
}

/** Checkpoint of a cell. */
export function checkpointOf(folder: string, which: CellPolicy): string {
  return join(folder, 'checkpoints', `${which}.safetensors`)
}

/**
 * Trains a cell in its folder, without a floor, since policies are compared, continuing what is there, and scores its best and its last policy on the validation queries by
 * the official accuracy, which is the same measure for cells of all rewards.
 * @throws the reason of the signal if it is interrupted, with the training saved
 */
export async function runCell(
  { plan, key }: { plan: TrainingPlan; key: string },
  { onEvent, ...options }: TrainFilesOptions & { onEvent: (event: TrainFilesEvent) => void },
): Promise<CellRecord> {
  const started = performance.now()
  const events = trainFiles({ ...plan, floor: false }, options)
  let next = await events.next()
  while (next.done !== true) {
    onEvent(next.value)
    await new Promise(setImmediate)
    next = await events.next()
  }
  const trained = next.value
  if (trained.status === 'interrupted') options.signal?.throwIfAborted()
  const { model } = trained.best
  const { stops = false } = architectureOf(model.architecture)
  const { skipFallbackReward, reward } = plan.rewards
  const missing = reward !== undefined && 'missing' in reward ? { missing: reward.missing } : {}
  const { data } = await loadTraining({
    ...plan,
    rewards: {
      reward: { mode: 'soft_only', ...missing },
      ...(skipFallbackReward !== undefined && { skipFallbackReward }),
      ...(stops && { prefixes: true }),
    },
  })
  const score = async (which: CellPolicy): Promise<ScoredPolicy> => ({
    phase: trained[which].phase,
    epoch: trained[which].epoch,
    validation: await scorePolicy({
      model: (await readCheckpoint(checkpointOf(plan.out, which))).model,
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
  await writeFileAtomic(join(plan.out, RECORD), `${canonicalJson(record)}\n`)
  return record
}

const RECORD = 'cell.json'
