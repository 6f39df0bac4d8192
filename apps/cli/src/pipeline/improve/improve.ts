import { hashFile } from '@lever/durable-files'
import { planMember, planTraining, TRAIN_SCHEMA, trainFiles } from '@lever/grpo-trainer'
import type { TrainedFiles, TrainingPlan, TrainSettings } from '@lever/grpo-trainer'
import { byIds, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { improveRounds } from '@lever/rl-generate'
import type { Improved, ImproveOptions, OpenedPolicy, TrainedRound } from '@lever/rl-generate'
import { readSettings } from '@lever/settings'
import type { Stage } from '@lever/terminal'
import { metricOf, normalizeAnswer } from '@lever/vqa-eval'
import { answerWith } from '@lever/vqa-model'
import type { Answer } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { version } from '../../version.ts'
import { withPlan } from '../generate/generate.ts'
import type { GenerateSettings } from '../generate/generate.ts'
import { generateReporter } from '../generate/generate-progress.ts'
import { leftOutText, rewardPlan } from '../generate/reward.ts'
import type { Features } from '../inputs/features.ts'
import { factsOf } from '../inputs/features.ts'
import { callsOf, openModel, requireShown } from '../model/model.ts'
import { followTraining } from '../train/train.ts'

export interface ImproveSettings extends GenerateSettings {
  readonly embeddings: string
  readonly rounds: number
  readonly members: number
  readonly validateGreedy: number
  readonly preset: TrainSettings['preset']
  readonly set: readonly string[]
  readonly valRatio: number
  readonly floor: boolean
}

/** Opens what the settings name and runs rounds of measuring and training with it. */
export async function improve(settings: ImproveSettings, context: Context): Promise<Improved> {
  const { progress, signal } = context
  const { rounds, members, preset, set, valRatio, floor, validateGreedy, policy, out } = settings
  const reward = rewardPlan(settings)
  return withPlan(settings, progress, async (plan, inputs) => {
    const leftOut = leftOutText(inputs.queries, settings.maxAnswers)
    if (leftOut !== undefined) progress.warn(leftOut)
    const model = await openModel({ ...settings, metric: metricOf(inputs.queries) }, progress)
    const { batchSize, concurrency } = callsOf(model, settings.batchSize)
    const { scoreAnswers, scoresOnly, score, generator } = reward
    const onEvent = roundReporter(context, () => ({ ...model.stats() }))
    try {
      await requireShown(model, { queries: plan.queries, pool: plan.candidates })
      return await improveRounds<Answer>({
        ...{ ...plan, prefixes: undefined, shard: undefined },
        ...{ batchSize, concurrency: concurrency + 1, model, score, normalizeAnswer, generator },
        answer: answerWith(model, { ...(scoreAnswers && { score: scoreAnswers }), scoresOnly }),
        dataset: inputs.dataset,
        embeddings: factsOf(inputs.features),
        version: version(),
        ...{ out, rounds, members, signal, onEvent },
        inputs: { ...inputs.hashes, ...(policy !== undefined && { init: await hashFile(policy) }) },
        training: { preset, set, valRatio, floor, validateGreedy },
        train: trainer(settings, context),
        openPolicy: (checkpoint) => openProposer(checkpoint, inputs.features!),
      })
    } finally {
      await model.close()
    }
  })
}

/** Shows which round is on, and what it measures. */
function roundReporter(
  { progress, emit }: Context,
  stats: () => Readonly<Record<string, number>>,
): NonNullable<ImproveOptions['onEvent']> {
  let stage: Stage | undefined
  let report: ReturnType<typeof generateReporter> | undefined
  return (event) => {
    if (event.type === 'round') {
      const { round, rounds } = event
      emit?.({ event: 'round', round, rounds })
      progress.info(`round ${round} of ${rounds}`)
    } else if (event.type === 'known') {
      progress.info(`round ${event.round}: ${event.what} before`)
    } else {
      if (event.type === 'planned') {
        stage = progress.stage('measure', { unit: 'outcomes' })
        report = generateReporter({ stage, emit, stats })
      }
      report!(event)
      if (event.type === 'done') stage!.end()
    }
  }
}

/** Trains on what was measured, by expected accuracy where it was; the members of a round show one stage. */
function trainer(settings: ImproveSettings, context: Context): ImproveOptions['train'] {
  const { embeddings, poolEmbeddings, seed, preset, set, valRatio, floor, policy, reward, members } = settings
  const validateGreedy = floor ? settings.validateGreedy : 0
  const own = poolEmbeddings === undefined
  const given = {
    ...{ seed, preset, valRatio, floor, keepEpochs: false },
    ...(own ? { embeddings } : { embeddings: poolEmbeddings, queryEmbeddings: embeddings }),
    ...(set.length > 0 && { set: [...set] }),
    ...(policy !== undefined && { init: policy }),
    ...(reward !== 'accuracy' && { rewardMode: 'expected_accuracy' as const }),
  }
  const versions = { lever: version() }
  const { progress, signal } = context
  let stage: Stage | undefined
  let finished = 0
  return async ({ member, rlData, out, measure }) => {
    const asked = readSettings(TRAIN_SCHEMA, { ...given, rlData: [rlData], out })
    if (member === null) {
      const events = trainFiles({ ...planTraining(asked), validateGreedy }, { versions, signal, measure })
      return describe((await followTraining(events, context)).result)
    }
    stage ??= progress.stage('train the ensemble', { total: members, unit: 'policies' })
    const trained = await toEnd(planMember(asked, member), { versions, signal })
    stage.update(++finished)
    if (finished === members) {
      stage.end()
      stage = undefined
      finished = 0
    }
    return describe(trained)
  }
}

function describe({ best, selection, checkpoint }: TrainedFiles): TrainedRound {
  return { checkpoint, chosen: selection?.name ?? `${best.phase}, epoch ${best.epoch}` }
}

/** A training that nobody follows; what it warns about is said by the one on everything. */
async function toEnd(
  plan: TrainingPlan,
  options: { versions: Record<string, string>; signal: AbortSignal },
): Promise<TrainedFiles> {
  const events = trainFiles(plan, options)
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) {
      if (value.status === 'interrupted') options.signal.throwIfAborted()
      return value
    }
  }
}

async function openProposer(checkpoint: string, features: Features): Promise<OpenedPolicy> {
  const { model } = await readCheckpoint(checkpoint)
  const policy = await openPolicy(model)
  const facts = { architecture: model.architecture, ...model.config, sha256: await hashFile(checkpoint) }
  return { proposer: byIds(policy, features), facts, close: () => policy.close() }
}
