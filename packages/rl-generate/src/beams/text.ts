import type { GeneratedBeams } from './run.ts'

/**
 * What growing beams found, as text.
 * @param model what the model did
 */
export function formatBeams(
  { beams, statistics, best }: GeneratedBeams,
  model: { readonly prefillTokens: number },
): string {
  const { anchors, scores, resumed, prompts, failed, unscored, sameImage, seconds } = statistics
  return [
    `${anchors} anchors, ${scores} scores (${resumed} were there), ${prompts} prompts in ${seconds.toFixed(1)} s` +
      (prompts > 0 ? `, ${(model.prefillTokens / prompts).toFixed(1)} tokens each` : ''),
    `InfoScore of the best beam: mean ${best.mean.toFixed(4)}, above 0 for ${(100 * best.positive).toFixed(1)} % of the anchors`,
    ...(failed > 0 ? [`${failed} prompts could not be scored; their sequences are left out`] : []),
    ...(unscored > 0 ? [`${unscored} of the anchors have no beam because of that`] : []),
    ...(sameImage > 0 ? [`${sameImage} candidates show the image of their anchor; they are left out`] : []),
    '',
    `beams: ${beams}`,
    `next: lever sft --beams ${beams} --embeddings train.safetensors --out runs/sft`,
  ].join('\n')
}
