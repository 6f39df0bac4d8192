import { InputError } from '@lever/durable-files'
import type { SftSettings, TrainingPlan } from '@lever/grpo-trainer'
import { officialScore } from '@lever/vqa-eval'
import type { Context } from '../../command.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { InputSettings } from '../inputs/inputs.ts'

export interface AgreementSettings
  extends SftSettings, Pick<InputSettings, 'place' | 'poolPlace' | 'queries' | 'poolMethod' | 'poolSize'> {}

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
  const { data, answered, pairs, positive } = labels
  const share = ((100 * positive) / pairs).toFixed(1)
  context.progress.info(
    `agreement: ${positive} of ${pairs} pairs (${share} %) are right, for ${answered} of ${labels.queries} questions; no model was asked`,
  )
  return planAgreement(settings, data)
}
