import type { ParameterLayout } from '@lever/onnx-grad'
import { isUntrained } from '@lever/pointer-model'
import { OBJECTIVES } from './objectives/index.ts'
import type { Phase } from './phases.ts'
import type { Metrics, SelectedPolicy, TrainOptions } from './types.ts'

/** Says why the loss of the first step of a phase is 0, when it is. */
export function zeroLossNotice(
  name: string,
  { loss = NaN, grad_norm: norm = NaN }: Metrics,
): string | undefined {
  if (!(Math.abs(loss) < 1e-6)) return undefined
  return norm > 1e-6
    ? `${name}: the loss of the first step is about 0 by construction: every ratio is 1 and the advantages of a group add up to 0; the gradient is not 0 (norm ${norm.toPrecision(3)})`
    : `${name}: loss and gradient of the first step are 0: its queries teach nothing, as when all rewards of a group are equal, or those of the best that topK keeps`
}

/** Says how many parameters train, when some are frozen. */
export function frozenNotice(name: string, { sizes }: ParameterLayout): string | undefined {
  if (sizes.frozen === 0) return undefined
  const trainable = sizes.decayed + sizes.plain
  const total = trainable + sizes.frozen
  const count = (value: number): string => value.toLocaleString('en')
  return `${name}: trains ${count(trainable)} of ${count(total)} parameters (${((100 * trainable) / total).toFixed(1)} %)`
}

/** Says that ratio and KL are not exact, when the policy is scored with dropout and those it is compared with are not. */
export function dropoutNotice(name: string, phase: Phase): string | undefined {
  const { dropout, attentionDropout, objective, options } = phase
  const compares = Object.keys(OBJECTIVES[objective].snapshots?.(options) ?? {}).some(
    (key) => key !== 'epochs',
  )
  if (!compares || (dropout === 0 && attentionDropout === 0)) return undefined
  const rates = `dropout ${dropout}${attentionDropout > 0 ? `, of attention ${attentionDropout}` : ''}`
  return `${name}: its policy is scored with ${rates}, the old and the reference policy without, so at the first step the ratio is not 1 and the KL not 0; a dropout of 0 makes them exact`
}

/** Says how many groups a phase leaves out. */
export function leftOutNotice(name: string, taken: number, all: number): string | undefined {
  if (taken === all) return undefined
  return `${name}: takes ${taken} of ${all} groups; the rewards of the other ${all - taken} are all equal, which teaches nothing`
}

/** Says that the best policy is the one from before the training, and whether that one was ever trained. */
export function untrainedNotice(
  { phase }: Pick<SelectedPolicy, 'phase'>,
  { start, data: { validation = [] } }: Pick<TrainOptions, 'start' | 'data'>,
): string | undefined {
  if (phase !== 'init') return undefined
  const why =
    validation.length === 0
      ? 'nothing was trained'
      : `no epoch was better on the ${validation.length} validation queries`
  const remedy =
    'train on more queries or with other rewards, or take the last epoch (checkpoints/last.safetensors) knowing that it validated no better'
  return start === undefined || isUntrained(start)
    ? `the best policy is the untrained one, whose choices are arbitrary: ${why}; do not use it, but ${remedy}`
    : `the best policy is the one that training started from: ${why}; ${remedy}`
}

/** The name of a phase as people say it: `RCE`, `GRPO2`, `listwise`. */
export function spoken(name: string): string {
  return name.replace(/^(rce|grpo|sft)/, (acronym) => acronym.toUpperCase())
}
