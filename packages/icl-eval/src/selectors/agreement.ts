import { pointer } from './pointer.ts'
import type { SelectorDefinition } from './types.ts'

/**
 * A policy trained on agreement, the official accuracy of candidates' own answers: it costs no prompt, so it stands
 * among the baselines that a policy trained on measured rewards must beat.
 */
export const definition: SelectorDefinition<'select' | 'selectMany'> = {
  order: 125,
  summary: 'a policy trained on labels that need no model (lever sft --target agreement)',
  takes: ['select', 'selectMany'],
  requires: ['select'],
  baseline: true,
  create: (options) => pointer({ name: 'agreement', ...options, select: options.select! }),
}
