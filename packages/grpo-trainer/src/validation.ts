import { loadModel } from '@lever/onnx-grad'
import type { Parameters, TensorValues, Value } from '@lever/onnx-grad'
import { architectureOf, openPolicy } from '@lever/pointer-model'
import type { PointerModel } from '@lever/pointer-model'
import { stackBatches } from './batches.ts'
import { sizesOf } from './data.ts'
import type { TrainingData } from './data.ts'
import type { Moment } from './objectives/types.ts'
import { batchSpecs, encodeEvaluation, sharedSpecs } from './program.ts'
import type { ProgramSpec } from './program.ts'
import { queryRewards, rewardMetrics } from './reward-metrics.ts'
import { greedyPointers } from './score-policy.ts'
import { graphName } from './step-metrics.ts'
import { mean } from './numbers.ts'
import type { Metrics } from './types.ts'

const BATCH = 32

/** Validation of a phase; the sessions stay open until `close`. */
export interface Validator {
  /**
   * Metrics of parameters on the validation groups:
   * - `eval/reward`: mean over queries of the raw reward of the greedy pointer where it was measured,
   *   else of the expected reward below.
   * - `eval/measured`: share of the queries whose greedy pointer was measured.
   * - `eval/reward_expected`: expected raw reward when a measured pointer is drawn in proportion to its
   *   probability. It grows with the certainty of the policy too.
   * - `eval/reward_ranked`: the same after the log-probabilities of each group were standardised, with
   *   weights exp(3 z): how well the policy orders the pointers, whatever its certainty. It selects the
   *   best policy.
   * - `eval/reward_top`: mean raw reward of the most probable measured pointer.
   * - `eval/chosen`: mean number of demonstrations of the greedy pointer, where the architecture stops.
   * - `eval/oracle`, `eval/random`: best and mean reward of the measured pointers.
   * - `eval/loss` and what the objective reports, without dropout, at the end of its schedules.
   */
  run(
    parameters: Parameters,
    flat: Float32Array,
    moment: Moment,
    fixed: Readonly<Record<string, Float32Array>>,
  ): Promise<Metrics>
  close(): Promise<void>
}

/** Opens the validation of a phase; `shared` are the values of the shared inputs without the policies. */
export async function openValidator(
  training: ProgramSpec,
  model: PointerModel,
  data: TrainingData,
  shared: Readonly<Record<string, TensorValues>>,
  options: { threads: number; device: 'cpu' | 'cuda' | 'webgpu' },
): Promise<Validator> {
  const groups = data.validation ?? []
  const spec = { ...training, batch: Math.min(BATCH, groups.length), sizes: sizesOf(groups) }
  const { architecture } = spec
  const policy = await openPolicy(model, options)
  const runner = await loadModel(encodeEvaluation(spec), options)
  return {
    async run(parameters, flat, moment, fixed) {
      const weights: Value = { dtype: 'float32', dims: [flat.length], data: flat }
      const sums = new Map<string, number>()
      const scores: Float32Array[] = []
      for (let from = 0; from < groups.length; from += spec.batch) {
        const batch = groups.slice(from, from + spec.batch)
        const values = { ...shared, ...fixed, ...stackBatches(spec, [{ groups: batch, moment }]) }
        const result = await runner.run({ parameters: weights, ...valuesOf(spec, values) })
        for (const [name, { data: numbers }] of Object.entries(result)) {
          if (name === 'sequence') continue
          const key = `eval/${graphName(name.replace('metric.', ''))}`
          sums.set(key, (sums.get(key) ?? 0) + (Number(numbers[0]) * batch.length) / groups.length)
        }
        const sequence = result['sequence']!.data as Float32Array
        const size = spec.sizes.group
        batch.forEach((group, b) => scores.push(sequence.slice(b * size, b * size + group.size)))
      }
      const greedy = await greedyPointers(policy.withParameters(parameters), groups, data)
      return {
        ...rewardMetrics(queryRewards(groups, scores, greedy)),
        ...(architectureOf(architecture).stops === true && {
          'eval/chosen': mean(greedy.map((pointer) => pointer.length)),
        }),
        ...Object.fromEntries(sums),
      }
    },
    async close() {
      await policy.close()
      await runner.close()
    },
  }
}

function valuesOf(spec: ProgramSpec, values: Readonly<Record<string, TensorValues>>): Record<string, Value> {
  const specs = Object.entries({ ...batchSpecs(spec), ...sharedSpecs(spec) })
  return Object.fromEntries(
    specs.map(([name, { shape, dtype = 'float32' }]) => [name, { dtype, dims: shape, data: values[name]! }]),
  )
}
