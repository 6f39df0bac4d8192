import { baselineScores, openPolicy, standardised } from '@lever/pointer-model'
import type { Baseline, CheckpointInfo, Columns, PointerModel, Selection } from '@lever/pointer-model'
import type { Group } from '@lever/rl-dataset'
import type { TrainingData } from '../data.ts'
import { mean } from '../numbers.ts'
import { rankedReward } from '../reward-metrics.ts'
import { pointerLogProbs } from '../score-policy.ts'
import type { SelectedPolicy } from '../types.ts'
import { baselinesOf, crossFittedStatic, queryOf, rankingOf, staticBaseline } from './baselines.ts'
import { comparedWith, duel } from './duel.ts'
import type { Contender } from './duel.ts'

export interface FloorOptions {
  readonly data: TrainingData
  /** Columns of the embeddings by what they are of. */
  readonly columns: Readonly<Record<string, Columns>>
  /** The best policy of the training. */
  readonly trained: SelectedPolicy
  /** The policy that training began with, when it was trained before. */
  readonly start?: { readonly model: PointerModel; readonly info: CheckpointInfo } | undefined
  readonly threads?: number | undefined
}

/** What a training delivers. */
export interface Delivered {
  /** With a floor where a baseline or a mixture won. */
  readonly model: PointerModel
  readonly selection: Selection
}

/** Weights of the standardised scores of a baseline beside the logits of a policy. */
const WEIGHTS = [0.5, 1, 2, 4]

interface Way extends Contender {
  readonly model: PointerModel
}

/**
 * The best of what a training could deliver, judged on measured pointers: the start, where it was trained before;
 * the baselines, the simplest first; the trained policy; and the policy mixed with the best baseline. Ties go to the
 * earlier one (`duel`).
 *
 * A way to choose is worth, on a query, the mean of its measured pointers with weights exp(3 z), z the standardised scores
 * it gives them: whether its very choice was measured does not matter, and all ways are judged on the same pointers. What
 * did not learn from the rewards of a query is judged on all of them: baselines, `static` estimated on the other queries, and
 * a start that was trained on agreement; everything else on the validation queries.
 */
export async function findFloor(options: FloorOptions): Promise<Delivered | undefined> {
  const { data, columns, trained, start } = options
  const { groups, validation = [] } = data
  if (validation.length === 0) return undefined
  const all = [...groups, ...validation]
  const { measure, valuesOf } = measureOf(all)
  const worth = (
    of: readonly Group[],
    scores: (group: Group, i: number) => readonly number[],
  ): Way['values'] =>
    new Map(of.map((group, i) => [group.queryId, rankedReward(valuesOf(group), scores(group, i))]))
  const model = trained.model
  const ways: Way[] = []
  if (start !== undefined) {
    const seen = start.info.labels === 'agreement' ? all : validation
    const scores = await policyScores(start.model, seen, options)
    ways.push({
      ...{ name: startName(start.info), by: 'start', model: start.model },
      values: worth(seen, (_, i) => scores[i]!),
    })
  }
  const rankings = new Map<string, ReadonlyMap<number, number[]>>()
  const baselines = [...baselinesOf(columns), staticBaseline(all, valuesOf)]
  const cross = crossFittedStatic(all, valuesOf, data)
  for (const baseline of baselines) {
    const ranking =
      baseline.kind === 'static'
        ? cross
        : new Map(all.map((group) => [group.queryId, rankingOf(baseline, group, data)]))
    rankings.set(baseline.name, ranking)
    ways.push({
      ...{ name: baseline.name, by: 'baseline', model: { ...model, floor: { baseline } } },
      ...(baseline.kind === 'similarity' && { family: 'rices' }),
      values: worth(all, ({ queryId }) => ranking.get(queryId)!),
    })
  }
  const free = ways.filter(({ by }) => by === 'baseline')
  if (trained.phase !== 'init') {
    const scores = await policyScores(model, validation, options)
    const policy: Way = {
      ...{ name: `${trained.phase}, epoch ${trained.epoch}`, by: 'policy', model },
      values: worth(validation, (_, i) => scores[i]!),
    }
    ways.push(policy)
    const best = baselines.find(({ name }) => name === duel(free).name)!
    if (best.kind !== 'random') {
      const unseen = best.kind === 'static' ? staticBaseline(groups, valuesOf) : best
      ways.push(
        mixtureOf(best, policy, (weight) =>
          worth(validation, (group, i) => {
            const offsets = offsetsOf(unseen, group, data)
            return scores[i]!.map((score, g) => score + weight * offsets[g]!)
          }),
        ),
      )
    }
  }
  const winner = duel(ways)
  const { name, by } = winner
  return { model: winner.model, selection: { name, by, measure, compared: comparedWith(ways, winner) } }
}

/** The mixture with the weight that is best on validation. */
function mixtureOf(
  baseline: Baseline,
  { name, model }: Way,
  valuesWith: (weight: number) => Way['values'],
): Way {
  const tried = WEIGHTS.map((weight): Way => ({
    name: `${name} + ${weight} ${baseline.name}`,
    by: 'mixture',
    model: { ...model, floor: { baseline, weight } },
    values: valuesWith(weight),
  }))
  const worthOf = ({ values }: Way): number => mean([...values.values()])
  return tried.reduce((best, next) => (worthOf(next) > worthOf(best) ? next : best))
}

/** What a baseline adds to the log-probability of every measured pointer of a group [G], at weight 1. */
function offsetsOf(baseline: Baseline, group: Group, data: TrainingData): number[] {
  const { pointers, shots, size } = group
  const z = standardised(baselineScores(baseline, queryOf(group, data)))
  return Array.from({ length: size }, (_, g) =>
    pointers.subarray(g * shots, (g + 1) * shots).reduce((sum, n) => sum + z[n]!, 0),
  )
}

/** What ways to choose are judged by: expected accuracy where every pointer has one, else accuracy, else the reward. */
function measureOf(groups: readonly Group[]): {
  measure: Selection['measure']
  valuesOf: (group: Group) => Float64Array
} {
  if (groups.every(({ expected }) => expected !== undefined))
    return { measure: 'expected accuracy', valuesOf: ({ expected }) => expected! }
  if (groups.every(({ accuracies }) => accuracies !== undefined))
    return { measure: 'accuracy', valuesOf: ({ accuracies }) => accuracies! }
  return { measure: 'reward', valuesOf: ({ rawRewards }) => rawRewards }
}

async function policyScores(
  model: PointerModel,
  groups: readonly Group[],
  { data, threads = 1 }: FloorOptions,
): Promise<number[][]> {
  const policy = await openPolicy(model, { threads })
  try {
    const found = await pointerLogProbs(policy, groups, data)
    return found.map((scores) => Array.from(scores))
  } finally {
    await policy.close()
  }
}

/** What the start is called. */
function startName({ labels, phase = 'policy' }: CheckpointInfo): string {
  return labels === 'agreement' ? 'agreement' : `start (${phase})`
}
