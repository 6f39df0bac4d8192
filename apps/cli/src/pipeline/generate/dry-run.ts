import type { GenerationCounts } from '@lever/rl-generate'
import type { PromptEstimate } from '@lever/vqa-model'
import { BUNDLED_MODEL } from '../../files.ts'
import type { Context } from '../../command.ts'
import type { GenerateSettings } from './generate.ts'
import { withPlan } from './generate.ts'
import { rewardPlan } from './reward.ts'

/** What a generation would measure. */
export interface DryRun extends GenerationCounts, PromptEstimate {
  readonly dryRun: true
}

/** Counts the prompts of a generation, their images and tokens. No VQA model runs and nothing is written. */
export async function dryRun(settings: GenerateSettings, { progress }: Context): Promise<DryRun> {
  const { backend, model = BUNDLED_MODEL, template, minPixels, maxPixels } = settings
  const { scoreAnswers } = rewardPlan(settings)
  return withPlan(settings, progress, async (plan) => {
    const { countGeneration } = await import('@lever/rl-generate')
    const { estimatePrompts } = await import('@lever/vqa-model')
    const { estimate, ...counts } = await countGeneration({
      ...plan,
      ...(scoreAnswers && { scoreAnswers }),
      estimate: (prompts) =>
        estimatePrompts(prompts, {
          model: backend === 'onnx' ? model : undefined,
          template,
          pixels: {
            ...(minPixels !== undefined && { min: minPixels }),
            ...(maxPixels !== undefined && { max: maxPixels }),
          },
        }),
    })
    return { dryRun: true, ...counts, ...estimate }
  })
}
