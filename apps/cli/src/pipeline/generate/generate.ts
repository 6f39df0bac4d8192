import { InputError } from '@lever/durable-files'
import type { StartingModel } from '@lever/pointer-model'
import type {
  GeneratedRlData,
  GenerateRlDataOptions,
  GenerationPlan,
  ProposalRequest,
} from '@lever/rl-generate'
import { metricOf, normalizeAnswer } from '@lever/vqa-eval'
import type { Answer, ModelProtocol, VqaModel } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import type { Progress } from '@lever/terminal'
import { version } from '../../version.ts'
import { factsOf, pairsOf } from '../inputs/features.ts'
import type { Features } from '../inputs/features.ts'
import type { Inputs, InputSettings } from '../inputs/inputs.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { ModelChoice } from '../model/model.ts'
import { callsOf, openModel, readModelProtocol, requireShown } from '../model/model.ts'
import type { PolicyChoice } from '../policy/policy.ts'
import { readPolicy } from '../policy/policy.ts'
import { generateReporter } from './generate-progress.ts'
import { queueUrl } from './queue-url.ts'
import { leftOutText, rewardPlan } from './reward.ts'
import type { RewardPlan, RewardSettings } from './reward.ts'

export interface GenerateSettings extends InputSettings, ModelChoice, PolicyChoice, RewardSettings {
  readonly shots: number
  readonly mix: readonly ProposalRequest[]
  readonly size: number
  readonly prefixes: readonly number[]
  readonly shard: string | undefined
  readonly strict: boolean
  readonly untilInformative: number | undefined
  readonly batchSize: number
  /** The queue whose workers answer, as `--queue` names it. */
  readonly queue: string | undefined
  readonly queueName: string
  readonly jobSize: number
  readonly out: string
}

/** Jobs in the queue at a time: enough for a large fleet, and few are left over when a run is given up. */
const QUEUED_JOBS = 256

/** Opens what the settings name and generates RL data with it. */
export async function generate(settings: GenerateSettings, context: Context): Promise<GeneratedRlData> {
  const { progress, signal, emit } = context
  const reward = rewardPlan(settings)
  return withPlan(settings, progress, async (plan, inputs) => {
    const { generateRlData } = await import('@lever/rl-generate')
    const metric = metricOf(inputs.queries)
    const leftOut = leftOutText(inputs.queries, settings.maxAnswers)
    if (leftOut !== undefined) progress.warn(leftOut)
    const { described, model, calls } = await openAnswering({ ...settings, metric }, reward, progress)
    const stage = progress.stage('generate', { unit: 'outcomes' })
    try {
      await requireShown(described, { queries: plan.queries, pool: plan.candidates })
      const generated = await generateRlData<Answer>({
        ...plan,
        ...calls,
        model: described,
        score: reward.score,
        normalizeAnswer,
        dataset: inputs.dataset,
        embeddings: factsOf(inputs.features),
        version: version(),
        generator: reward.generator,
        untilInformative: settings.untilInformative,
        out: settings.out,
        inputs: inputs.hashes,
        signal,
        onEvent: generateReporter({ stage, emit, stats: () => ({ ...model?.stats() }) }),
      })
      stage.end()
      return generated
    } finally {
      await model?.close()
    }
  })
}

/**
 * Opens the inputs and the policy of a generation, for `use`.
 *
 * @throws InputError for what is missing or does not belong together
 */
export async function withPlan<T>(
  settings: GenerateSettings,
  progress: Progress,
  use: (plan: GenerationPlan, inputs: Inputs) => Promise<T>,
): Promise<T> {
  const { shots, seed, mix, size, prefixes, strict, allowFallback } = settings
  const { parseShard } = await import('@lever/rl-generate')
  const shard = settings.shard === undefined ? undefined : parseShard(settings.shard, process.env)
  const inputs = await openInputs(settings, progress)
  const { pool, queries, features, pools } = inputs
  if (features === undefined) progress.warn('without --embeddings all pointers are random')
  const named = await namedPolicy(settings, features)
  const { byIds, openPolicy } = await import('@lever/pointer-model')
  const policy = named && (await openPolicy(named.model))
  try {
    const facts = named && {
      architecture: named.model.architecture,
      ...named.model.config,
      sha256: named.hash,
    }
    const plan = {
      ...{ queries, candidates: pool.examples, pools, mix, shots, size, seed },
      ...{ prefixes, shard, strict, allowFallback },
      features: await pairsOf(features),
      policy: policy && features && { proposer: byIds(policy, features), facts: facts! },
    }
    return await use(plan, inputs)
  } finally {
    await policy?.close()
  }
}

type Calls = Pick<GenerateRlDataOptions, 'batchSize' | 'concurrency'> &
  (
    | Pick<GenerateRlDataOptions & { queue?: undefined }, 'answer'>
    | Pick<GenerateRlDataOptions & { answer?: undefined }, 'queue'>
  )

/** The model that answers, on every device; where the workers of a queue have it, only what it is. */
async function openAnswering(
  settings: GenerateSettings,
  { scoreAnswers, scoresOnly }: RewardPlan,
  progress: Progress,
): Promise<{ described: ModelProtocol; model: VqaModel | undefined; calls: Calls }> {
  const { queue: given, queueName: name, jobSize } = settings
  if (given === undefined) {
    const { answerWith } = await import('@lever/vqa-model')
    const model = await openModel(settings, progress)
    const { batchSize, concurrency } = callsOf(model, settings.batchSize)
    const answer = answerWith(model, { ...(scoreAnswers && { score: scoreAnswers }), scoresOnly })
    return { described: model, model, calls: { batchSize, concurrency: concurrency + 1, answer } }
  }
  const onNotice = (line: string): void => progress.warn(line)
  const url = await queueUrl(given, progress)
  const queue = { url, name, onNotice, ...(scoreAnswers && { scoreAnswers }), scoresOnly }
  const described = await readModelProtocol(settings, progress)
  return { described, model: undefined, calls: { batchSize: jobSize, concurrency: QUEUED_JOBS, queue } }
}

/** The policy whose pointers are measured; undefined when the mix asks for none. */
async function namedPolicy(
  settings: GenerateSettings,
  features: Features | undefined,
): Promise<StartingModel | undefined> {
  const { mixNeeds } = await import('@lever/rl-generate')
  if (!mixNeeds(settings.mix, 'policy')) return undefined
  if (features === undefined)
    throw new InputError('a policy needs embeddings; give --embeddings (make them with lever embed)')
  const named = await readPolicy(settings, features.candidates, settings.seed)
  const { architectureOf } = await import('@lever/pointer-model')
  if (architectureOf(named.model.architecture).stops === true)
    throw new InputError(
      `a policy of architecture ${named.model.architecture} may choose fewer than ${settings.shots} demonstrations, and all pointers of a question must have the same number; give another policy, or --num-beams 0 --num-samples-per-temp 0`,
    )
  return named
}
