import { expect, test } from '@jest/globals'
import { buildGroups, groupOf, parseRlData } from '../src/index.ts'

test('arrays give the group that RL data with the same outcomes gives', () => {
  const outcome = (pointer: number[], score: number) => ({
    pointer,
    vqa_correct: score > 0.5 ? 1 : 0,
    vqa_acc_score: score,
  })
  const measured = [outcome([20, 40], 0.9), outcome([30, 20], 0), outcome([40, 30], 0.3)]
  const query = { candidate_pool_ids: [20, 30, 40], pointer_candidates: measured }
  const data = parseRlData(Buffer.from(JSON.stringify({ 7: query })))
  const { groups } = buildGroups(data, { ids: [7, 20, 30, 40] }, { reward: { mode: 'soft_only' } })
  const { accuracies, ...group } = groups[0]!
  expect([...accuracies!]).toEqual([0.9, 0, 0.3])
  const pointers = [[0, 2], [1, 0], new Int32Array([2, 1])]
  const made = groupOf({ queryRow: 0, poolRows: [1, 2, 3], pointers, rewards: [0.9, 0, 0.3], queryId: 7 })
  expect(made).toEqual({ ...group, poolIds: [1, 2, 3], imageId: 7 })
})

test('without pointers every candidate was measured alone', () => {
  const { pointers, shots, size, rewards, queryId, imageId } = groupOf({
    queryRow: 5,
    poolRows: Int32Array.of(8, 3),
    rewards: [1, 1],
  })
  expect([...pointers]).toEqual([0, 1])
  expect({ shots, size, queryId, imageId }).toEqual({ shots: 1, size: 2, queryId: 5, imageId: 5 })
  // All equal: nothing to learn, exact zeros.
  expect([...rewards]).toEqual([0, 0])
})

const right = { queryRow: 0, poolRows: [1, 2, 3], rewards: [1, 0, 0] }
test.each([
  [{ ...right, rewards: [1, 0] }, 'query 0: 3 pointers and 2 rewards; give one reward for each'],
  [{ ...right, poolRows: [], rewards: [] }, '0 pointers and 0 rewards'],
  [{ ...right, rewards: [1, NaN, 0] }, 'the reward of pointer 1 is NaN; give a finite number'],
  [{ ...right, poolRows: [1, 2, 1] }, 'a row stands twice in its pool'],
  [{ ...right, pointers: [[0, 1], [1], [2, 0]] }, 'pointer 1 is [1]; give 2 different positions from 0 to 2'],
  [
    {
      ...right,
      pointers: [
        [0, 1],
        [1, 2],
        [0, 3],
      ],
    },
    'pointer 2 is [0, 3]',
  ],
  [
    {
      ...right,
      pointers: [
        [0, 1],
        [1, 1],
        [0, 2],
      ],
    },
    'pointer 1 is [1, 1]',
  ],
  [{ ...right, reward: [1, 0, 0] }, 'groupOf has no option "reward"; did you mean rewards?'],
])('%j is refused', (given, message) => {
  expect(() => groupOf(given)).toThrow(message)
})
