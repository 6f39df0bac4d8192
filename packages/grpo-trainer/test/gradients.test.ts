import { describe, expect, test } from '@jest/globals'
import type { AdvantageScaling } from '@lever/reward-utils'
import { OBJECTIVES, resolveOptions } from '../src/objectives/index.ts'
import type { Options } from '../src/objectives/types.ts'
import { B, build, evaluate, G, groups, hostSteps, K, logits, moment, random } from './toy-batch.ts'
import type { LossCase } from './toy-batch.ts'

const LEVELS = ['token', 'sequence', 'gspo'] as const
const KLS = ['k1', 'k2', 'k3', 'exact'] as const
const SCALINGS = ['group', 'batch', 'none', 'rloo'] as const

const directions = [0, 1].map(() => logits.policy.map(() => random.normal()))
const moved = (direction: Float64Array, distance: number): Float64Array =>
  logits.policy.map((x, i) => x + distance * direction[i]!)
const along = (gradient: Float64Array, direction: Float64Array): number =>
  gradient.reduce((sum, x, i) => sum + x * direction[i]!, 0)
const norm = (gradient: Float64Array): number => Math.max(1e-3, Math.hypot(...gradient))

/** The largest error of the derivatives along random directions, relative to the gradient, of every case. */
async function gradientErrors(cases: readonly LossCase[]): Promise<number[]> {
  const built = await build(cases)
  const results = await built.run()
  const errors = cases.map(() => 0)
  for (const direction of directions) {
    const up = await built.losses(moved(direction, 1e-5))
    const down = await built.losses(moved(direction, -1e-5))
    results.forEach(({ gradient }, i) => {
      const error = Math.abs((up[i]! - down[i]!) / 2e-5 - along(gradient, direction)) / norm(gradient)
      errors[i] = Math.max(errors[i]!, error)
    })
  }
  await built.close()
  return errors
}

const wrong = async (cases: readonly LossCase[]): Promise<string[]> => {
  const errors = await gradientErrors(cases)
  return cases.flatMap((each, i) => (errors[i]! < 1e-6 ? [] : [`${JSON.stringify(each)}: ${errors[i]!}`]))
}

describe('gradients agree with finite differences in float64', () => {
  test('sft, rce, listwise', async () => {
    const cases: LossCase[] = [
      ['sft', { labelSmoothing: 0.1 }],
      ['sft', { target: 'all', temperature: 0.7 }],
      ['rce', {}],
      ['rce', { labelSmoothing: 0.1, smoothOver: 'all' }],
      ['rce', { top1: 'best' }],
      ['rce', { reward: 'rank' }],
      ['listwise', {}],
    ]
    expect(await wrong(cases)).toEqual([])
  })

  const combinations = ['grpo', 'dr_grpo', 'dapo'].flatMap((form) =>
    LEVELS.map((level): [string, string] => [form, level]),
  )
  test.each(combinations)(
    '%s at level %s: every KL and scaling, with both directions, entropy, two-sided clip and correction',
    async (form, level) => {
      const cases = KLS.flatMap((kl, i) =>
        SCALINGS.map((scaling, j): LossCase => {
          const klDirection = (i + j) % 2 === 0 ? 'policy' : 'reference'
          const behaviour = ['none', 'truncate', 'mask'][(i + j) % 3]!
          const delta = j % 2 === 0 ? null : 2
          return ['grpo', { form, level, kl, klDirection, scaling, behaviour, delta, entropy: 0.1 * i }]
        }),
      )
      expect(cases).toHaveLength(16)
      expect(await wrong(cases)).toEqual([])
    },
  )
})

describe('cispo, whose ratio is a constant in the gradient', () => {
  const old = hostSteps(logits.old)

  /** -mean over pointers of w A log p with the weights w of the policy as it is, at any logits. */
  function surrogate(at: Float64Array, level: string, scaling: AdvantageScaling): number {
    const advantages = OBJECTIVES.grpo.weigh(groups, moment, resolveOptions('grpo', { scaling }))
    const [now, before] = [hostSteps(at), hostSteps(logits.policy)]
    let total = 0
    for (let i = 0; i < B * G; i++) {
      const advantage = advantages[Math.floor(i / G)]!.weights[i % G]!
      const at = (steps: readonly number[][]): number[] => {
        const own = steps.map((step) => step[i]!)
        const sum = own.reduce((x, y) => x + y, 0)
        return level === 'token' ? own : [level === 'sequence' ? sum : sum / K]
      }
      const ratios = at(before).map((x, t) => Math.min(1.2, Math.exp(x - at(old)[t]!)))
      const terms = at(now).map((x, t) => -ratios[t]! * advantage * x)
      total += terms.reduce((x, y) => x + y, 0) / terms.length / (B * G)
    }
    return total
  }

  test.each(LEVELS)('at level %s: every scaling against finite differences', async (level) => {
    for (const scaling of SCALINGS) {
      const { loss, gradient } = await evaluate('grpo', { form: 'cispo', level, scaling, beta: 0 })
      expect(loss).toBeCloseTo(surrogate(logits.policy, level, scaling), 10)
      for (const direction of directions) {
        const [up, down] = [moved(direction, 1e-5), moved(direction, -1e-5)]
        const numeric = (surrogate(up, level, scaling) - surrogate(down, level, scaling)) / 2e-5
        expect(Math.abs(numeric - along(gradient, direction)) / norm(gradient)).toBeLessThan(1e-6)
      }
    }
  })

  test.each(LEVELS)('at level %s: every KL adds the gradient that it adds to grpo', async (level) => {
    const cases = KLS.flatMap((kl) =>
      ['cispo', 'grpo'].flatMap((form) => {
        const options: Options = { form, level, kl, entropy: 0.2 }
        return [['grpo', options] as const, ['grpo', { ...options, beta: 0, entropy: 0 }] as const]
      }),
    )
    const built = await build(cases)
    const gradients = (await built.run()).map(({ gradient }) => gradient)
    await built.close()
    for (let i = 0; i < gradients.length; i += 4) {
      const [cispo, cispoAlone, grpo, grpoAlone] = gradients.slice(i, i + 4)
      cispo!.forEach((x, j) => expect(x - cispoAlone![j]!).toBeCloseTo(grpo![j]! - grpoAlone![j]!, 10))
    }
  })
})
