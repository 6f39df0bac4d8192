import type { Architecture } from '../types.ts'
import { gru } from './gru.ts'
import type { GruConfig } from './gru.ts'
import { mlpCrossAttention, mlpItems, mlpParameters, recogniseMlp } from './mlp-cross-attention.ts'

export interface MlpGruConfig extends GruConfig {
  /** Width of the hidden layer of the input projection. */
  readonly inner: number
}

/**
 * `gru` with the input projection of `mlp-cross-attention`: it can say which candidates fit a query, and its state can
 * hold what has been chosen, so that the next choice may be one that completes it.
 */
export const mlpGru: Architecture<MlpGruConfig> = {
  ...gru,
  name: 'mlp-gru',
  summary: 'gru with a two-layer GELU input projection',
  order: 8,
  defaults: { ...gru.defaults, inner: mlpCrossAttention.defaults.inner },
  parameters: (config) => [
    ...mlpParameters(config),
    ...gru.parameters(config).filter(({ name }) => name !== 'input_proj.weight'),
  ],
  recognise(shapes) {
    const known = gru.recognise?.(shapes)
    return known && recogniseMlp(shapes, known)
  },
  items: mlpItems,
}
