import { InputError } from '@lever/durable-files'
import type { SftSettings, TrainingPlan, TrainSettings } from '@lever/grpo-trainer'
import type { AgreementLabels } from '@lever/rl-generate'
import { officialScore } from '@lever/vqa-eval'
import type { Context } from '../../command.ts'
import { requirePath } from '../../files.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { InputSettings } from '../inputs/inputs.ts'

export interface AgreementSettings
  extends
    SftSettings,
    Pick<InputSettings, 'place' | 'poolPlace' | 'queries' | 'poolMethod' | 'poolPolicy' | 'poolSize'> {}

/**
 * The plan of a training on agreement: pools of a dataset, and the accuracy of every candidate's own answer.
 * @throws InputError if no dataset is given, inputs do not belong together, or no candidate's answer is right
 */
export async function planOnAgreement(settings: AgreementSettings, context: Context): Promise<TrainingPlan> {
  const { place, embeddings, queryEmbeddings } = settings
  if (place.dataset === undefined && place.questions === undefined) {
    throw new InputError('--target agreement needs the dataset whose answers are compared; give --dataset')
  }
  const { planAgreement } = await import('@lever/grpo-trainer')
  const { agreementLabels } = await import('@lever/rl-generate')
  const { queries, pool, pools } = await openInputs(
    {
      ...settings,
      embeddings: queryEmbeddings ?? embeddings,
      poolEmbeddings:
        queryEmbeddings === undefined && settings.poolPlace === undefined ? undefined : embeddings,
    },
    context.progress,
  )
  const candidates = pool.examples
  const labels = agreementLabels({ queries, candidates, pools, score: officialScore() })
  tell(labels, context)
  return planAgreement(settings, labels.data)
}

/**
 * The plan of `lever train` with labels that cost no prompt, where the queries of the RL data are its library too: the floor
 * compares with a policy that is trained on them.
 */
export async function planWithAgreement(settings: TrainSettings, context: Context): Promise<TrainingPlan> {
  const { planTraining } = await import('@lever/grpo-trainer')
  const plan = planTraining(settings)
  if (!settings.floor) return plan
  const { agreementOfRlData } = await import('@lever/rl-generate')
  const { readRlData } = await import('@lever/rl-dataset/node')
  const files = []
  for (const path of settings.rlData) {
    await requirePath(path, '--rl-data')
    files.push(await readRlData(path))
  }
  const labels = agreementOfRlData(files, officialScore())
  if (labels === undefined) return plan
  tell(labels, context)
  return { ...plan, free: labels.data }
}

function tell({ answered, pairs, positive, queries }: AgreementLabels, { progress }: Context): void {
  const share = ((100 * positive) / pairs).toFixed(1)
  progress.info(
    `agreement: ${positive} of ${pairs} pairs (${share} %) are right, for ${answered} of ${queries} questions; no model was asked`,
  )
}
