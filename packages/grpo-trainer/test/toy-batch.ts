import * as g from '@lever/onnx-grad'
import type { Tensor, Value } from '@lever/onnx-grad'
import { createRandom } from '@lever/reward-utils'
import { OBJECTIVES, resolveOptions } from '../src/objectives/index.ts'
import type { ObjectiveName } from '../src/objectives/index.ts'
import type { Moment, Options, RewardedGroup, Scored } from '../src/objectives/types.ts'

export const [B, G, N, K] = [2, 4, 5, 2] as const
export const random = createRandom(1, 'objectives')
export const moment: Moment = { epoch: 0, step: 0, steps: 10, beta: 0.3 }
export const pointers: readonly (readonly number[])[] = Array.from({ length: B * G }, () =>
  random.sample([0, 1, 2, 3, 4], K),
)
export const groups: readonly RewardedGroup[] = Array.from({ length: B }, () => {
  const rewards = Float64Array.from({ length: G }, () => random.normal())
  return { size: G, shots: K, rewards, rawRewards: rewards }
})
const randomLogits = (): Float64Array => Float64Array.from({ length: K * B * G * N }, () => random.normal())
export const logits = { policy: randomLogits(), old: randomLogits(), reference: randomLogits() }
/** Log-probabilities of the pointers under the policy that proposed them [B * G]. */
export const proposer: readonly number[] = Array.from({ length: B * G }, () => -2 + random.normal())

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

/** One loss of the toy batch. */
export type LossCase = readonly [name: ObjectiveName, options: Options]

export interface Built {
  /** Every loss at some logits. */
  losses(at: Float64Array): Promise<number[]>
  /** Every loss at the logits of the policy, with metrics and gradient. */
  run(): Promise<{ loss: number; metrics: Record<string, number>; gradient: Float64Array }[]>
  close(): Promise<void>
}

/** Losses of the toy batch in one graph in float64. */
export async function build(cases: readonly LossCase[]): Promise<Built> {
  const policy = g.input('policy', [K, B, G, N], 'float64')
  const outputs: Record<string, Tensor> = {}
  cases.forEach(([name, given], i) => {
    const { loss, metrics } = lossOf(policy, name, given)
    outputs[`${i}.loss`] = loss
    outputs[`${i}.gradient`] = g.gradients(loss, [policy])[0]!
    for (const [key, node] of Object.entries(metrics)) outputs[`${i}.metric.${key}`] = node
  })
  const runner = await g.loadModel(g.encodeModel({ inputs: [policy], outputs }))
  const feed = (data: Float64Array): Record<string, Value> => ({
    policy: { dtype: 'float64', dims: [K, B, G, N], data },
  })
  return {
    async losses(at) {
      const names = cases.map((_, i) => `${i}.loss`)
      const result = await runner.run(feed(at), names)
      return names.map((key) => Number(result[key]!.data[0]))
    },
    async run() {
      const result = await runner.run(feed(logits.policy))
      return cases.map((_, i) => {
        const prefix = `${i}.metric.`
        const numbers = Object.entries(result).filter(([key]) => key.startsWith(prefix))
        return {
          loss: Number(result[`${i}.loss`]!.data[0]),
          metrics: Object.fromEntries(
            numbers.map(([key, { data }]) => [key.slice(prefix.length), Number(data[0])]),
          ),
          gradient: result[`${i}.gradient`]!.data as Float64Array,
        }
      })
    },
    close: () => runner.close(),
  }
}

function lossOf(
  policy: Tensor,
  name: ObjectiveName,
  given: Options,
): { loss: Tensor; metrics: Readonly<Record<string, Tensor>> } {
  const options = resolveOptions(name, given)
  const objective = OBJECTIVES[name]
  const fixed = (values: Float64Array): Scored => scored(g.constant(values, [K, B, G, N], 'float64'))
  const weighed = objective.weigh(groups, moment, options)
  const double = (values: readonly number[], shape: number[]): Tensor =>
    g.constant([...values], shape, 'float64')
  const { old, reference } = objective.snapshots?.(options) ?? {}
  return objective.loss(
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
      proposer: double(proposer, [B, G]),
      scalar: (key) => g.scalar(objective.scalars(moment, options)[key]!, 'float64'),
    },
    options,
  )
}

/** Loss and metrics of one case. */
export async function evaluate(
  name: ObjectiveName,
  options: Options,
): Promise<{ loss: number; metrics: Record<string, number>; gradient: Float64Array }> {
  const built = await build([[name, options]])
  const [result] = await built.run()
  await built.close()
  return result!
}

/** Log-probabilities on the host: [K][B*G] arrays [N]. */
export function hostLogSoftmax(values: Float64Array): number[][][] {
  return Array.from({ length: K }, (_, t) =>
    pointers.map((pointer, i) => {
      const row = Array.from(values.subarray((t * B * G + i) * N, (t * B * G + i + 1) * N))
      if (t > 0) row[pointer[0]!] = -100
      const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
      return row.map((x) => x - total)
    }),
  )
}
/** Log-probabilities of the choices on the host: [K] arrays [B*G]. */
export const hostSteps = (values: Float64Array): number[][] =>
  hostLogSoftmax(values).map((rows, t) => rows.map((row, i) => row[pointers[i]![t]!]!))
/** The same of whole pointers [B*G]. */
export const hostSequence = (values: Float64Array): number[] => {
  const [first, second] = hostSteps(values)
  return first!.map((x, i) => x + second![i]!)
}
