import { expect, test } from '@jest/globals'
import { computeGroupRewards, computeReward, normalizeGroup } from '@lever/reward-utils'
import { hopeful } from '../reward-mode/hopeful.ts'

test.each([
  [{ vqa_correct: 1, vqa_gt_prob: 0.9 }, 1],
  [{ vqa_correct: 0, vqa_gt_prob: 0.4 }, 0.2],
  [{ vqa_correct: 0 }, 0],
])('%j is worth %d', (outcome, worth) => {
  expect(computeReward(outcome, { mode: hopeful })).toBeCloseTo(worth)
})

test('a group whose rewards are all equal teaches nothing', () => {
  const wrong = { vqa_correct: 0, vqa_gt_prob: 0 }
  // What training does with the rewards of the pointers of one question.
  expect(normalizeGroup(computeGroupRewards([wrong, wrong], { mode: hopeful })).status).toBe('flat')
  const mixed = computeGroupRewards([wrong, { vqa_correct: 1 }], { mode: hopeful })
  expect(normalizeGroup(mixed).status).toBe('informative')
})
