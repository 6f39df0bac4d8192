import { describe, expect, test } from '@jest/globals'
import * as g from '@lever/onnx-grad'
import type { Tensor, Value } from '@lever/onnx-grad'
import { categoricalKl, createRandom, klEstimates, rceWeights } from '@lever/reward-utils'
import { OBJECTIVE_NAMES, OBJECTIVES, resolveOptions } from '../src/objectives/index.ts'
import type { ObjectiveName } from '../src/objectives/index.ts'
import type { Moment, Options, RewardedGroup, Scored } from '../src/objectives/types.ts'

const [B, G, N, K] = [2, 4, 5, 2]
const random = createRandom(1, 'objectives')
const moment: Moment = { epoch: 0, step: 0, steps: 10, beta: 0.3 }
const pointers = Array.from({ length: B * G }, () => random.sample([0, 1, 2, 3, 4], K))
const groups = Array.from({ length: B }, (): RewardedGroup => {
  const rewards = Float64Array.from({ length: G }, () => random.normal())
  return { size: G, shots: K, rewards, rawRewards: rewards }
})
const randomLogits = (): Float64Array => Float64Array.from({ length: K * B * G * N }, () => random.normal())
const logits = { policy: randomLogits(), old: randomLogits(), reference: randomLogits() }

/** Scores made of logits [K, B, G, N] in float64; a candidate that was chosen before is masked. */
function scored(node: Tensor): Scored {
  const hot = (t: number): Tensor =>
    g.constant(
      pointers.flatMap((pointer) => Array.from({ length: N }, (_, n) => (pointer[t] === n ? 1 : 0))),
      [B, G, N],
      'float64',
    )
  const chosen = Array.from({ length: K }, (_, t) => hot(t))
  const blocked = chosen.map((_, t) => (t === 0 ? g.mul(hot(0), 0) : hot(0)))
  const logSoftmax = chosen.map((_, t) => {
    const scores = g.reshape(g.slice(node, 0, t, t + 1), [B, G, N])
    return g.logSoftmax(g.where(g.greaterOrEqual(blocked[t]!, 0.5), -100, scores))
  })
  const picked = logSoftmax.map((each, t) => g.sum(g.mul(each, chosen[t]!), { axes: [-1], keepDims: true }))
  return { logSoftmax, chosen, blocked, logProbs: g.concat(picked, -1) }
}

interface Built {
  loss: (at: Float64Array) => Promise<number>
  run: () => Promise<{ loss: number; metrics: Record<string, number>; gradient: Float64Array }>
  close: () => Promise<void>
}

async function build(name: ObjectiveName, given: Options): Promise<Built> {
  const options = resolveOptions(name, given)
  const objective = OBJECTIVES[name]
  const policy = g.input('policy', [K, B, G, N], 'float64')
  const fixed = (values: Float64Array): Scored => scored(g.constant(values, [K, B, G, N], 'float64'))
  const weighed = objective.weigh(groups, moment, options)
  const double = (values: number[], shape: number[]): Tensor => g.constant(values, shape, 'float64')
  const { old, reference } = objective.snapshots?.(options) ?? {}
  const { loss, metrics } = objective.loss(
    {
      policy: scored(policy),
      ...(old === undefined ? {} : { old: fixed(logits.old) }),
      ...(reference === undefined ? {} : { reference: fixed(logits.reference) }),
      weights: double(
        weighed.flatMap(({ weights }) => Array.from(weights)),
        [B, G],
      ),
      keep: double(
        weighed.flatMap(({ keep }) => Array.from({ length: G }, (_, i) => ((keep?.[i] ?? true) ? 1 : 0))),
        [B, G],
      ),
      queryWeight: double([0.5, 0.5], [B]),
      steps: double(new Array<number>(B * K).fill(1), [B, 1, K]),
      scalar: (key) => g.scalar(objective.scalars(moment, options)[key]!, 'float64'),
    },
    options,
  )
  const [gradient] = g.gradients(loss, [policy])
  const named = Object.fromEntries(Object.entries(metrics).map(([key, node]) => [`metric.${key}`, node]))
  const runner = await g.loadModel(
    g.encodeModel({ inputs: [policy], outputs: { loss, gradient: gradient!, ...named } }),
  )
  const feed = (data: Float64Array): Record<string, Value> => ({
    policy: { dtype: 'float64', dims: [K, B, G, N], data },
  })
  return {
    loss: async (at) => Number((await runner.run(feed(at), ['loss']))['loss']!.data[0]),
    async run() {
      const result = await runner.run(feed(logits.policy))
      const numbers = Object.entries(result).filter(([key]) => key.startsWith('metric.'))
      return {
        loss: Number(result['loss']!.data[0]),
        metrics: Object.fromEntries(numbers.map(([key, { data }]) => [key.slice(7), Number(data[0])])),
        gradient: result['gradient']!.data as Float64Array,
      }
    },
    close: () => runner.close(),
  }
}

/** Error of the derivative along three random directions, relative to the gradient. */
async function gradientError(name: ObjectiveName, given: Options): Promise<number> {
  const built = await build(name, given)
  const { gradient } = await built.run()
  let worst = 0
  for (let i = 0; i < 3; i++) {
    const direction = gradient.map(() => random.normal())
    const along = gradient.reduce((total, x, j) => total + x * direction[j]!, 0)
    const moved = (distance: number): Float64Array =>
      logits.policy.map((x, j) => x + distance * direction[j]!)
    const numeric = ((await built.loss(moved(1e-5))) - (await built.loss(moved(-1e-5)))) / 2e-5
    worst = Math.max(worst, Math.abs(numeric - along) / Math.max(1e-3, Math.hypot(...gradient)))
  }
  await built.close()
  return worst
}

const evaluate = async (
  name: ObjectiveName,
  options: Options,
): Promise<{ loss: number; metrics: Record<string, number> }> => {
  const built = await build(name, options)
  const result = await built.run()
  await built.close()
  return result
}

/** Log-probabilities on the host: [K][B*G] arrays [N]. */
function hostLogSoftmax(values: Float64Array): number[][][] {
  return Array.from({ length: K }, (_, t) =>
    pointers.map((pointer, i) => {
      const row = Array.from(values.subarray((t * B * G + i) * N, (t * B * G + i + 1) * N))
      if (t > 0) row[pointer[0]!] = -100
      const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
      return row.map((x) => x - total)
    }),
  )
}
const hostSteps = (values: Float64Array): number[][] =>
  hostLogSoftmax(values).map((rows, t) => rows.map((row, i) => row[pointers[i]![t]!]!))
const hostSequence = (values: Float64Array): number[] => {
  const [first, second] = hostSteps(values)
  return first!.map((x, i) => x + second![i]!)
}

describe('gradients agree with finite differences in float64', () => {
  const cases: [ObjectiveName, Options][] = [
    ['sft', { labelSmoothing: 0.1 }],
    ['sft', { target: 'all', temperature: 0.7 }],
    ['rce', {}],
    ['rce', { labelSmoothing: 0.1, smoothOver: 'all' }],
    ['rce', { top1: 'best' }],
    ['listwise', {}],
  ]
  for (const form of ['grpo', 'dr_grpo', 'dapo', 'cispo']) {
    for (const level of ['token', 'sequence', 'gspo']) {
      for (const [i, kl] of ['k1', 'k2', 'k3', 'exact'].entries()) {
        const scaling = ['group', 'batch', 'none', 'rloo'][i]!
        const klDirection = i % 2 === 0 ? 'policy' : 'reference'
        if (form === 'cispo') continue
        cases.push([
          'grpo',
          { form, level, kl, klDirection, scaling, entropy: 0.1 * i, delta: i === 3 ? 2 : null },
        ])
      }
    }
  }
  test.each(cases)('%s %j', async (name, options) => {
    expect(await gradientError(name, options)).toBeLessThan(1e-6)
  })
})

describe('values agree with formulas in double precision', () => {
  const sequence = hostSequence(logits.policy)
  const overBatch = (f: (i: number, b: number, g: number) => number): number =>
    groups.reduce(
      (sum, _, b) =>
        sum + Array.from({ length: G }, (_unused, i) => f(b * G + i, b, i)).reduce((x, y) => x + y) / B,
      0,
    )

  test('rce', async () => {
    const { loss } = await evaluate('rce', {})
    const expected = overBatch((i, b, n) => -rceWeights(groups[b]!.rewards, 2)[n]! * sequence[i]!)
    expect(loss).toBeCloseTo(expected, 10)
  })

  test('sft: the best pointer, label smoothing over what can be chosen', async () => {
    const { loss } = await evaluate('sft', { labelSmoothing: 0.2 })
    const rows = hostLogSoftmax(logits.policy)
    const expected = overBatch((i, b, n) => {
      if (groups[b]!.rawRewards[n] !== Math.max(...groups[b]!.rawRewards)) return 0
      return [0, 1].reduce((sum, t) => {
        const free = rows[t]![i]!.filter((_, candidate) => t === 0 || candidate !== pointers[i]![0])
        const smooth = free.reduce((x, y) => x + y, 0) / free.length
        return sum - (0.8 * rows[t]![i]![pointers[i]![t]!]! + 0.2 * smooth) / 2
      }, 0)
    })
    expect(loss).toBeCloseTo(expected, 10)
  })

  test('listwise', async () => {
    const { loss } = await evaluate('listwise', {})
    const expected = overBatch((i, b, n) => {
      const own = sequence.slice(b * G, (b + 1) * G)
      const total = Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0))
      return -rceWeights(groups[b]!.rawRewards, 0.2)[n]! * (sequence[i]! - total)
    })
    expect(loss).toBeCloseTo(expected, 10)
  })

  test('KL: the estimators and the exact value', async () => {
    const reference = hostSequence(logits.reference)
    for (const kl of ['k1', 'k2', 'k3'] as const) {
      const found = await evaluate('grpo', { kl })
      const expected = klEstimates(sequence, reference, kl).reduce((a, b) => a + b, 0) / (B * G)
      expect(found.metrics['kl']).toBeCloseTo(expected, 9)
    }
    const [p, q] = [hostLogSoftmax(logits.policy), hostLogSoftmax(logits.reference)]
    let exact = 0
    for (let t = 0; t < K; t++) {
      p[t]!.forEach(
        (row, i) => (exact += categoricalKl(row.map(Math.exp), q[t]![i]!.map(Math.exp)) / (B * G)),
      )
    }
    const found = await evaluate('grpo', { kl: 'exact' })
    expect(found.metrics['kl']).toBeCloseTo(exact, 9)
  })

  test('the clipped surrogate of a ratio that is far off', async () => {
    const { metrics } = await evaluate('grpo', { beta: 0 })
    const old = hostSequence(logits.old)
    const [advantages] = [OBJECTIVES.grpo.weigh(groups, moment, resolveOptions('grpo'))]
    const expected = overBatch((i, b, n) => {
      const ratio = Math.exp(sequence[i]! - old[i]!)
      const advantage = advantages[b]!.weights[n]!
      return -Math.min(ratio * advantage, Math.min(1.2, Math.max(0.8, ratio)) * advantage) / G
    })
    expect(metrics['policy_loss']).toBeCloseTo(expected, 9)
    expect(metrics['clip_ratio/region_mean']!).toBeGreaterThan(0)
  })
})

test('with one number of shots and one group size, grpo, dr_grpo and dapo are the same', async () => {
  for (const level of ['token', 'sequence']) {
    const [first, ...others] = await Promise.all(
      ['grpo', 'dr_grpo', 'dapo'].map((form) => evaluate('grpo', { form, level, beta: 0 })),
    )
    for (const other of others) expect(other.loss).toBeCloseTo(first!.loss, 12)
  }
})

test('the old policy that is the policy itself gives ratio 1', async () => {
  const { metrics } = await evaluate('grpo', { oldPolicy: 'current', beta: 0 })
  expect(metrics['ratio']).toBe(1)
})

test('cispo keeps the gradient of every step, with the clipped ratio as its weight', async () => {
  const gradientOf = async (options: Options): Promise<Float64Array> => {
    const built = await build('grpo', { beta: 0, ...options })
    const { gradient } = await built.run()
    await built.close()
    return gradient
  }
  const close = (a: Float64Array, b: Float64Array): void =>
    a.forEach((x, i) => expect(x).toBeCloseTo(b[i]!, 10))
  close(await gradientOf({ form: 'cispo', oldPolicy: 'current' }), await gradientOf({ oldPolicy: 'current' }))
  const unclipped = { clipLow: 1, clipHigh: 1e9 }
  close(await gradientOf({ form: 'cispo', ...unclipped }), await gradientOf(unclipped))
})

describe('weights', () => {
  const group = (rewards: number[]): RewardedGroup => {
    const values = Float64Array.from(rewards)
    return { size: values.length, shots: 2, rewards: values, rawRewards: values }
  }
  const weigh = (
    name: ObjectiveName,
    rewards: number[],
    options: Options,
    at: Partial<Moment> = {},
  ): number[] =>
    Array.from(
      OBJECTIVES[name].weigh([group(rewards)], { ...moment, ...at }, resolveOptions(name, options))[0]!
        .weights,
    )

  test('the best pointers share', () => {
    expect(weigh('sft', [0, 1, 1, 0.5], {})).toEqual([0, 0.5, 0.5, 0])
    expect(weigh('rce', [2, 1, 2], { top1: 'best' })).toEqual([0.5, 0, 0.5])
    expect(weigh('rce', [0, 1, 2], { top1: 'first' })).toEqual([1, 0, 0])
  })
  test('the temperature of RCE falls from the first step to the last', () => {
    const at = (step: number): number[] => weigh('rce', [0, 1], {}, { step, steps: 3 })
    expect(at(0)[1]).toBeCloseTo(1 / (1 + Math.exp(-1 / 2)), 12)
    expect(at(1)[1]).toBeCloseTo(1 / (1 + Math.exp(-1 / 1.25)), 12)
    expect(at(2)[1]).toBeCloseTo(1 / (1 + Math.exp(-2)), 12)
  })
  test('ranks', () => {
    expect(weigh('listwise', [5, 1, 3], { reward: 'rank', temperatureStart: 1, temperatureEnd: 1 })).toEqual(
      Array.from(rceWeights([1, -1, 0], 1)),
    )
  })
  test('GRPO: a flat group has no advantage; the curriculum keeps the best', () => {
    expect(weigh('grpo', [1, 1, 1], {})).toEqual([0, 0, 0])
    const options = resolveOptions('grpo', { topKFirst: 2, topK: 3, scaling: 'none' })
    const early = OBJECTIVES.grpo.weigh([group([0, 3, 1, 2])], moment, options)[0]!
    expect(early).toEqual({ weights: Float64Array.of(0, 0.5, 0, -0.5), keep: [false, true, false, true] })
    const later = OBJECTIVES.grpo.weigh([group([0, 3, 1, 2])], { ...moment, epoch: 1 }, options)[0]!
    expect(later.weights).toEqual(Float64Array.of(0, 1, -1, 0))
  })
})

test('the table names its entries, and its defaults are valid options', () => {
  for (const name of OBJECTIVE_NAMES) {
    expect(OBJECTIVES[name].name).toBe(name)
    expect(resolveOptions(name, OBJECTIVES[name].defaults)).toEqual(OBJECTIVES[name].defaults)
  }
})
