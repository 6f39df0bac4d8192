import type { Outcome } from '@lever/reward-utils'

/** A reward mode: a number made of one outcome. Right answers count 1; wrong ones keep half of E, the expected accuracy. */
export function hopeful({ vqa_correct, vqa_gt_prob }: Outcome): number {
  return vqa_correct === 1 ? 1 : 0.5 * (vqa_gt_prob ?? 0)
}
