import { baselineScores, openPolicy, standardised } from '@lever/pointer-model'
import type { Baseline, CheckpointInfo, Columns, PointerModel, Selection } from '@lever/pointer-model'
import type { Group } from '@lever/rl-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { TrainingData } from '../data.ts'
import { mean } from '../numbers.ts'
import { rankedReward } from '../reward-metrics.ts'
import { pointerLogProbs } from '../score-policy.ts'
import { baselinesOf, crossFittedStatic, queryOf, rankingOf, staticBaseline } from './baselines.ts'
import { comparedWith, duel } from './duel.ts'
import { checkGreedy } from './greedy.ts'
import type { GreedyCheck } from './greedy.ts'
import type { TrainedPolicy, Unseen, Way } from './way.ts'

/** What a training could deliver, and what it is judged on. */
export interface FloorOptions {
  /** The data of the training. Without `validation` nothing can be judged, and the result is undefined. */
  readonly data: TrainingData
  /** Columns of the embeddings by what they are of. */
  readonly columns: Readonly<Record<string, Columns>>
  /** Policies of the training; ties go to the first. */
  readonly trained: readonly TrainedPolicy[]
  /** Policies that were there before: the one that training began with, when it was trained, and one of free labels. */
  readonly starts?: readonly { readonly model: PointerModel; readonly info: CheckpointInfo }[] | undefined
  /** Decides between the finalists by what they choose, where a model can be asked. */
  readonly greedy?: GreedyCheck | undefined
  /** Threads inside an operator. Default 1. */
  readonly threads?: number | undefined
}

export const FLOOR_OPTIONS: OptionNames<FloorOptions> = {
  data: true,
  columns: true,
  trained: true,
  starts: true,
  greedy: true,
  threads: true,
}

/** What a training delivers. */
export interface Delivered {
  /** With a floor where a baseline or a mixture won. */
  readonly model: PointerModel
  readonly selection: Selection
  /** The trained policy that it is, or is mixed of. */
  readonly policy?: TrainedPolicy
}

/** Weights of the standardised scores of a baseline beside the logits of a policy. */
const WEIGHTS = [0.5, 1, 2, 4]

/**
 * The best of what a training could deliver, judged on measured pointers: the start, where it was trained before;
 * the baselines, the simplest first; the trained policies; and the best of them mixed with the best baseline. Ties go to the
 * earlier one (`duel`).
 *
 * A way to choose is worth, on a query, the mean of its measured pointers with weights exp(3 z), z the standardised scores
 * it gives them: whether its very choice was measured does not matter, and all ways are judged on the same pointers. What
 * did not learn from the rewards of a query is judged on all of them: baselines, `static` estimated on the other queries,
 * a start that was trained on agreement, and policies that were trained anew without the query; everything else on the
 * validation queries.
 *
 * With `greedy` that only finds the finalists: the policies, the best mixture, and the best of the others. Measured pointers
 * say nothing about a choice that nobody measured, and where policies proposed them they flatter whoever did not; so the
 * finalists' own choices are measured on a few queries, and decide.
 *
 * @throws InputError where `greedy` is to check a reward that is neither an accuracy nor an expected accuracy
 */
export async function findFloor(options: FloorOptions): Promise<Delivered | undefined> {
  refuseUnknownOptions(options, FLOOR_OPTIONS, 'grpo-trainer: findFloor')
  const { data, columns, trained } = options
  const { groups, validation = [] } = data
  if (validation.length === 0) return undefined
  const all = [...groups, ...validation]
  const { measure, valuesOf } = measureOf(all)
  const cross = crossFittedStatic(all, valuesOf)
  const baselines = [...baselinesOf(columns), staticBaseline(all, valuesOf)]
  const floor: Floors = {
    ...{ options, all, validation, measure, valuesOf },
    unseen: (baseline, { queryId }) => (baseline.kind === 'static' ? cross.get(queryId)! : baseline),
    worth: (of, scores) =>
      new Map(of.map((group) => [group.queryId, rankedReward(valuesOf(group), scores(group))])),
  }
  const free = baselines.map((baseline) => baselineWay(floor, baseline, trained[0]!.model))
  const policies: PolicyWay[] = []
  for (const one of trained.filter(({ phase }) => phase !== 'init'))
    policies.push(await policyWay(floor, one))
  const before = [...(await startWays(floor)), ...free]
  const best = baselines.find(({ name }) => name === duel(free).name)!
  const mixtures =
    policies.length > 0 && best.kind !== 'random' ? [mixtureOf(floor, best, duel(policies))] : []
  const ways: Way[] = [...before, ...policies, ...mixtures]
  const offline = duel(ways)
  const { winner, greedy } = await decide(floor, {
    offline,
    finalists: [duel(before), ...policies, ...mixtures],
  })
  const { name, by, model, policy } = winner
  const selection = { name, by, measure, compared: comparedWith(ways, offline), ...(greedy && { greedy }) }
  return { model, selection, ...(policy !== undefined && { policy }) }
}

/** The finalist whose own choices are best, where they can be measured and there is more than one. */
async function decide(
  { options, all, validation, unseen, measure: by, valuesOf }: Floors,
  { offline, finalists }: { readonly offline: Way; readonly finalists: readonly Way[] },
): Promise<{ readonly winner: Way; readonly greedy?: Selection['greedy'] }> {
  const { greedy, data, threads } = options
  if (greedy === undefined || finalists.length < 2) return { winner: offline }
  const isJudgedOnAll = finalists.every(({ policy }) => policy === undefined || policy.folds !== undefined)
  const judged = { data, by, valuesOf, unseen, threads }
  return checkGreedy(finalists, isJudgedOnAll ? all : validation, greedy, judged)
}

/** What all ways to choose are judged with. */
interface Floors {
  readonly options: FloorOptions
  readonly all: readonly Group[]
  readonly validation: readonly Group[]
  readonly measure: Selection['measure']
  readonly valuesOf: (group: Group) => Float64Array
  readonly unseen: Unseen
  readonly worth: (of: readonly Group[], scores: (group: Group) => readonly number[]) => Way['values']
}

/** A policy as a way to choose, with the groups that it is judged on and what it thinks of their pointers. */
interface PolicyWay extends Way {
  readonly judged: readonly Group[]
  readonly scores: (group: Group) => readonly number[]
}

/** Policies that were there before, judged on all queries where they were trained on agreement. */
async function startWays({ options, all, validation, worth }: Floors): Promise<Way[]> {
  const ways: Way[] = []
  for (const { model, info } of options.starts ?? []) {
    const seen = info.labels === 'agreement' ? all : validation
    const scores = await policyScores(model, seen, options)
    const values = worth(seen, ({ queryId }) => scores.get(queryId)!)
    ways.push({ name: startName(info), by: 'start', model, values })
  }
  return ways
}

function baselineWay({ options, all, unseen, worth }: Floors, baseline: Baseline, model: PointerModel): Way {
  return {
    ...{ name: baseline.name, by: 'baseline', model: { ...model, floor: { baseline } } },
    ...(baseline.kind === 'similarity' && { family: 'rices' }),
    ...(baseline.kind === 'random' && { kind: 'chance' }),
    ...(['similarity', 'mmr'].includes(baseline.kind) && { kind: 'tried' }),
    values: worth(all, (group) => rankingOf(unseen(baseline, group), group, options.data)),
  }
}

async function policyWay(
  { options, all, validation, worth }: Floors,
  policy: TrainedPolicy,
): Promise<PolicyWay> {
  const { model, phase, epoch, name, folds } = policy
  const judged = folds === undefined ? validation : all
  const found =
    folds === undefined
      ? await policyScores(model, judged, options)
      : new Map(folds.flatMap((fold) => [...fold.scores]))
  const scores = ({ queryId }: Group): readonly number[] => found.get(queryId)!
  const title = `${name === undefined ? '' : `${name}: `}${phase}, epoch ${epoch}`
  return {
    ...{ name: title, by: 'policy', kind: 'tried', model, policy, judged, scores },
    values: worth(judged, scores),
  }
}

/** The mixture with the weight that is best on the queries that the policy is judged on. */
function mixtureOf({ options, unseen, worth }: Floors, baseline: Baseline, way: PolicyWay): Way {
  const { name, model, policy, judged, scores } = way
  const offsets = new Map(
    judged.map((group) => [group.queryId, offsetsOf(unseen(baseline, group), group, options.data)]),
  )
  const tried = WEIGHTS.map((weight): Way => ({
    name: `${name} + ${weight} ${baseline.name}`,
    by: 'mixture',
    model: { ...model, floor: { baseline, weight } },
    ...(policy !== undefined && { policy }),
    values: worth(judged, (group) =>
      scores(group).map((score, g) => score + weight * offsets.get(group.queryId)![g]!),
    ),
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

/** Log-probabilities of the measured pointers under a policy, by query. */
export async function policyScores(
  model: PointerModel,
  groups: readonly Group[],
  { data, threads = 1 }: Pick<FloorOptions, 'data' | 'threads'>,
): Promise<ReadonlyMap<number, readonly number[]>> {
  const policy = await openPolicy(model, { threads })
  try {
    const found = await pointerLogProbs(policy, groups, data)
    return new Map(groups.map(({ queryId }, i) => [queryId, Array.from(found[i]!)]))
  } finally {
    await policy.close()
  }
}

/** What the start is called. */
function startName({ labels, phase = 'policy' }: CheckpointInfo): string {
  return labels === 'agreement' ? 'agreement' : `start (${phase})`
}
