import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import {
  computeAdvantages,
  computeReward,
  initAdaptiveKl,
  normalizeGroup,
  rceWeights,
  temperatureAt,
  updateAdaptiveKl,
  type Outcome,
  type RewardMode,
} from '../src/index.ts'

interface RewardCase {
  candidate: Outcome
  options: {
    reward_mode: RewardMode
    hard_weight: number
    soft_weight: number
    rel_weight: number
    alpha: number
    beta: number
    correctness_mode: '01' | 'pm1'
    use_logprob: boolean
    reward_clip?: [number, number]
  }
  reward: number
}

interface ScheduleCase {
  fn: string
  args: unknown[]
  value: number | number[]
}

const folder = new URL('../../../fixtures/golden/reward-utils/', import.meta.url)
const read = <T>(name: string): T[] =>
  readFileSync(new URL(name, folder), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

describe('golden vectors of the original', () => {
  const cases = read<RewardCase>('rewards.jsonl')
  const modes = [...new Set(cases.map(({ options }) => options.reward_mode))]

  test.each(modes)('%s', (mode) => {
    const ofMode = cases.filter(({ options }) => options.reward_mode === mode)
    expect(ofMode.length).toBeGreaterThan(50)
    for (const { candidate, options, reward } of ofMode) {
      // One weight pair of the vectors is alpha = beta = 0, which we refuse: its reward is 0 by definition.
      if (mode === 'legacy' && options.alpha === 0 && options.beta === 0) {
        expect(reward).toBe(0)
        continue
      }
      const value = computeReward(candidate, {
        mode,
        hardWeight: options.hard_weight,
        softWeight: options.soft_weight,
        relWeight: options.rel_weight,
        alpha: options.alpha,
        beta: options.beta,
        correctnessMode: options.correctness_mode,
        useLogprob: options.use_logprob,
        ...(options.reward_clip ? { clip: options.reward_clip } : {}),
        missing: 'zero',
      })
      expect(Math.abs(value - reward)).toBeLessThan(1e-6)
    }
  })

  const schedules = read<ScheduleCase>('schedules.jsonl')
  const functions: Record<string, (args: never) => ArrayLike<number>> = {
    temperature_schedule: ([step, total, start, end]: [number, number, number, number]) => [
      temperatureAt(step, total, { start, end }),
    ],
    adaptive_kl_beta: ([kl, beta]: [number, number]) => [updateAdaptiveKl(initAdaptiveKl({ beta }), kl).beta],
    zscore: ([rewards]: [number[]]) => normalizeGroup(rewards, { method: 'z_score_clamp', clamp: 5 }).values,
    group_relative_advantage: ([rewards]: [number[]]) => computeAdvantages([rewards]).values[0]!,
    softmax_weights: ([rewards, temperature]: [number[], number]) => rceWeights(rewards, temperature),
  }

  test.each(Object.keys(functions))('%s', (name) => {
    const ofFunction = schedules.filter(({ fn }) => fn === name)
    expect(ofFunction.length).toBeGreaterThan(0)
    for (const { args, value } of ofFunction) {
      const expected = [value].flat()
      const got = Array.from(functions[name]!(args as never))
      expect(got).toHaveLength(expected.length)
      got.forEach((number, i) => expect(Math.abs(number - expected[i]!)).toBeLessThan(1e-6))
    }
  })

  test('every function of the vectors is covered', () => {
    expect([...new Set(schedules.map(({ fn }) => fn))].sort()).toEqual(Object.keys(functions).sort())
  })
})
