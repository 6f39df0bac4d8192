import { writeFile } from 'node:fs/promises'
import type { TrainedFiles, TrainFilesOptions, TrainingPlan } from '@lever/grpo-trainer'
import { planTraining, TRAIN_SCHEMA, trainFiles } from '@lever/grpo-trainer'
import { createRandom } from '@lever/reward-utils'
import { encodeRlData } from '@lever/rl-dataset'
import type { RlCandidate, RlData } from '@lever/rl-dataset'
import { readSettings } from '@lever/settings'
import { meanOf } from './worlds.ts'
import type { World } from './worlds.ts'

/** A part of the questions with a part of their pointers. */
export function subsetOf(data: RlData, queries: number, pointers: number, seed: number): RlData {
  const random = createRandom(seed, 'learning', queries, pointers)
  const some = random.sample(data.queries, Math.min(queries, data.queries.length))
  return {
    ...data,
    queries: some
      .sort((a, b) => a.query_id - b.query_id)
      .map((query) => ({
        ...query,
        pointer_candidates: random.sample<RlCandidate>(
          query.pointer_candidates,
          Math.min(pointers, query.pointer_candidates.length),
        ),
      })),
  }
}

/** Trains to the end of a plan. */
export async function toEnd(plan: TrainingPlan, options: TrainFilesOptions = {}): Promise<TrainedFiles> {
  const events = trainFiles(plan, options)
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) return value
  }
}

/** `lever train --preset recommended` on rewards of a world, into a run directory beside a file of them. */
export async function trainRecommended(
  { embeddings, settings }: World,
  data: RlData,
  out: string,
  seed: number,
  others: Readonly<Record<string, unknown>>,
): Promise<TrainedFiles> {
  const rlData = `${out}.json`
  await writeFile(rlData, encodeRlData(data).bytes)
  const recipe = { preset: 'recommended', keepEpochs: false, ...settings, ...others }
  return toEnd(
    planTraining(readSettings(TRAIN_SCHEMA, { rlData: [rlData], embeddings, out, seed, ...recipe })),
  )
}

/** Mean paired difference in points and its standard error, one decimal. */
export function difference(a: readonly number[], b: readonly number[]): [number, number] {
  const differences = a.map((x, i) => 100 * (x - b[i]!))
  const mean = meanOf(differences)
  const error = Math.sqrt(meanOf(differences.map((d) => (d - mean) ** 2)) / (a.length - 1))
  return [Math.round(10 * mean) / 10, Math.round(10 * error) / 10]
}
