/** The architectures: a file in this folder and its line here make one. */
export { additive } from './additive.ts'
export { biEncoder as 'bi-encoder' } from './bi-encoder.ts'
export { crossAttention as 'cross-attention' } from './cross-attention.ts'
export { gru } from './gru.ts'
export { mlpCrossAttention as 'mlp-cross-attention' } from './mlp-cross-attention.ts'
export { mlpGru as 'mlp-gru' } from './mlp-gru.ts'
export { mmr } from './mmr.ts'
export { stop } from './stop.ts'
