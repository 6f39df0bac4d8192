import { describe, expect, test } from '@jest/globals'
import { phasesOf, PRESETS } from '../src/index.ts'
import type { PhaseOptions } from '../src/index.ts'

const phases = (values: Readonly<Record<string, unknown>>, preset = PRESETS.default): PhaseOptions[] =>
  phasesOf(preset.phases, values)
const grpo = (values: Readonly<Record<string, unknown>>): PhaseOptions =>
  phases(values).find(({ objective }) => objective === 'grpo')!

describe('flags of GRPO', () => {
  test('num-iterations and importance sampling are options of the objective', () => {
    const values = { numIterations: 2, importanceSamplingMode: 'truncate', importanceSamplingCap: 3 }
    expect(grpo(values).options).toEqual({ numIterations: 2, behaviour: 'truncate', behaviourCap: 3 })
    expect(grpo({}).options).toBeUndefined()
  })

  test('clip-epsilon sets both bounds, use-ppo-clip-only drops the KL term', () => {
    expect(grpo({ clipEpsilon: 0.3 }).options).toEqual({ clipLow: 0.3, clipHigh: 0.3 })
    expect(grpo({ usePpoClipOnly: true, klBeta: 0 }).options).toEqual({ beta: 0 })
  })

  test('--set has the last word', () => {
    const values = { clipEpsilon: 0.2, dropout: 0.2, set: ['grpo.clipHigh=5', 'grpo.dropout=0'] }
    expect(grpo(values)).toMatchObject({ dropout: 0, options: { clipLow: 0.2, clipHigh: 5 } })
    expect(phases(values)[0]).toMatchObject({ objective: 'rce', dropout: 0.2 })
  })
})

test.each([
  [{ usePpoClipOnly: true, klBeta: 0.1 }, /^--use-ppo-clip-only leaves out .* --kl-beta 0.1 asks for/],
  [{ usePpoClipOnly: true, set: ['grpo.beta=0.1'] }, /^--use-ppo-clip-only leaves out .* grpo.beta=0.1/],
  [{ clipEpsilon: 1 }, /^--clip-epsilon is 1; give a number below 1: .* --set grpo.clipHigh=1\)$/],
  [
    { numIterations: 2, set: ['grpo.oldPolicy=phase'] },
    /grpo.oldPolicy is phase; give --set grpo.oldPolicy=epoch/,
  ],
  [{ importanceSamplingCap: 3 }, /no effect without --importance-sampling-mode truncate or mask/],
  [{ importanceSamplingCap: 3, importanceSamplingMode: 'none' }, /no effect without/],
  [{ rceUseRawReward: true, rceUseNormalizedReward: true }, /exclude each other/],
] as const)('%j is refused', (values, message) => {
  expect(() => phases(values)).toThrow(message)
  expect(() => phases(values)).toThrow(expect.objectContaining({ code: 'LEVER_INPUT' }))
})

test('label smoothing needs a phase that has it', () => {
  expect(phases({ labelSmoothing: 0.1 })[0]!.options).toMatchObject({ labelSmoothing: 0.1 })
  expect(() => phases({ labelSmoothing: 0.1 }, PRESETS.recommended)).toThrow(
    '--label-smoothing applies only to RCE and SFT, and there is no such phase',
  )
})
