import { InputError } from '@lever/durable-files'
import { checkInputs } from '../measure/inputs.ts'
import { checkNeeds } from '../proposals/needs.ts'
import type { GenerationPlan } from './types.ts'

/**
 * Refuses a generation before any work, in a dry run as in a real one.
 *
 * @throws InputError if no pointer would be proposed, if a method of the mix lacks its policy,
 * embeddings or file, and for what `measureRewards` refuses
 */
export function checkGeneration(plan: GenerationPlan): void {
  const { mix, size, shots, features = {}, policy, file } = plan
  if (size === 0 && mix.every(({ count }) => count === 0)) {
    throw new InputError(
      'no pointer is proposed; give --num-random, --group-size, or --embeddings for others',
    )
  }
  checkNeeds(mix, { policy, file, similarities: features })
  checkInputs({ ...plan, meta: { shot_num: shots } })
}
