import { groupStatistics } from '@lever/reward-utils'
import type { StepBatch } from './batches.ts'
import { isFlat } from './data.ts'
import { mean } from './numbers.ts'
import type { Metrics } from './types.ts'

/** Metrics of one step, with the names of TRL where it has them. */
export function stepMetrics(
  { groups }: StepBatch,
  fromGraph: Readonly<Record<string, Float32Array>>,
  place: number,
  numbers: Metrics,
): Metrics {
  const statistics = groups.map(({ rawRewards }) => groupStatistics(rawRewards))
  const graph = Object.entries(fromGraph).map(([name, values]) => [graphName(name), values[place]!])
  return {
    ...(Object.fromEntries(graph) as Metrics),
    ...numbers,
    reward: mean(statistics.map((each) => each.mean)),
    reward_std: mean(statistics.map((each) => each.std)),
    frac_reward_zero_std: mean(groups.map((group) => (isFlat(group) ? 1 : 0))),
  }
}

/** The name under which a metric of the graph is reported. */
export function graphName(name: string): string {
  return name === 'ratio' ? 'pointer/ratio_mean' : name
}

/**
 * Throws when a step of a chunk was not finite, with the queries of its batch. Nothing of the chunk
 * has been saved then, so the checkpoint of the last epoch stays.
 * @param before finished steps of the whole training before the chunk
 * @param kept what there is to go back to
 */
export function checkFinite(
  batches: readonly StepBatch[],
  fromGraph: Readonly<Record<string, Float32Array>>,
  before: number,
  kept: string,
): void {
  batches.forEach(({ groups }, i) => {
    const bad = ['loss', 'grad_norm'].find((name) => !Number.isFinite(fromGraph[name]![i]))
    if (bad === undefined) return
    throw new Error(
      `grpo-trainer: ${bad} of step ${before + i + 1} is ${fromGraph[bad]![i]}; queries of the batch: ` +
        `${groups.map(({ queryId }) => queryId).join(', ')}; ${kept}; lower the learning rate or look at these queries`,
    )
  })
}
