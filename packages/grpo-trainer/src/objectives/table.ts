/** The objectives: a file in this folder and its line here make one. */
export { grpo } from './grpo.ts'
export { listwise } from './listwise.ts'
export { rce } from './rce.ts'
export { sft } from './sft.ts'
