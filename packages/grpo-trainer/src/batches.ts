import type { TensorValues } from '@lever/onnx-grad'
import type { Group } from '@lever/rl-dataset'
import { choicesOf } from './data.ts'
import { fillMask } from './dropout.ts'
import type { Moment, Weighed } from './objectives/types.ts'
import { maskName, maskRows, rateOf, scalarName, usesProposer } from './program.ts'
import type { MaskShapes, ProgramSpec } from './program.ts'
import { scalarsOf, termsOf } from './terms.ts'

/** The groups of one step, at most B of them, and when it happens. */
export interface StepBatch {
  readonly groups: readonly Group[]
  readonly moment: Moment
}

interface Arrays {
  query: Int32Array
  pool: Int32Array
  valid: Uint8Array
  pointers: Int32Array
  step_mask: Float32Array
  query_weight: Float32Array
  proposer?: Float32Array
}

/** The inputs of several steps, stacked along a first axis. Missing queries and pointers have weight 0. */
export function stackBatches(spec: ProgramSpec, batches: readonly StepBatch[]): Record<string, TensorValues> {
  const { batch: B, sizes, phase } = spec
  const { pool: N, group: G, shots: K } = sizes
  const slots = batches.length * B
  const arrays: Arrays = {
    query: new Int32Array(slots),
    pool: new Int32Array(slots * N),
    valid: new Uint8Array(slots * N).fill(1),
    pointers: new Int32Array(slots * G * K),
    step_mask: new Float32Array(slots * maskRows(spec) * K).fill(1),
    query_weight: new Float32Array(slots),
    ...(usesProposer(phase) ? { proposer: new Float32Array(slots * G) } : {}),
  }
  const scalars = Object.fromEntries(
    spec.scalars.map((name) => [scalarName(name), new Float32Array(batches.length)]),
  )
  const terms = termsOf(phase)
  const weights = Object.fromEntries(
    terms.flatMap(({ prefix }) => [
      [`${prefix}weights`, new Float32Array(slots * G)],
      [`${prefix}taken`, new Float32Array(slots * G)],
    ]),
  )
  batches.forEach(({ groups, moment }, s) => {
    for (const { objective, options, prefix } of terms) {
      const names = [weights[`${prefix}weights`]!, weights[`${prefix}taken`]!] as const
      objective.weigh(groups, moment, options).forEach((one, b) => fillWeights(names, (s * B + b) * G, one))
    }
    groups.forEach((group, b) => fillQuery(arrays, s * B + b, group, 1 / groups.length, spec))
    for (let b = groups.length; b < B; b++) fillNothing(arrays, s * B + b, spec)
    const numbers = scalarsOf(phase, moment)
    for (const name of spec.scalars) scalars[scalarName(name)]![s] = numbers[name]!
  })
  return { ...arrays, ...weights, ...scalars }
}

/** The weights of a group and which pointers take part, from a place on. */
function fillWeights(
  [into, taken]: readonly [Float32Array, Float32Array],
  from: number,
  { weights, keep }: Weighed,
): void {
  weights.forEach((weight, g) => {
    into[from + g] = weight
    taken[from + g] = keep === undefined || keep[g]! ? 1 : 0
  })
}

function fillQuery(arrays: Arrays, slot: number, group: Group, share: number, spec: ProgramSpec): void {
  const { pool: N, group: G, shots: K } = spec.sizes
  const { queryRow, poolRows, pointers, size, shots, logProbs } = group
  arrays.query[slot] = queryRow
  arrays.query_weight[slot] = share
  arrays.pool.set(poolRows, slot * N)
  arrays.valid.fill(0, slot * N + poolRows.length, (slot + 1) * N)
  const rows = maskRows(spec)
  for (let r = 0; r < rows; r++) {
    const start = (slot * rows + r) * K
    arrays.step_mask.fill(0, start + choicesOf(group, r < size ? r : 0), start + K)
  }
  for (let g = 0; g < G; g++) {
    const from = g < size ? g : 0
    arrays.pointers.set(pointers.subarray(from * shots, (from + 1) * shots), (slot * G + g) * K)
    if (g >= size) continue
    if (arrays.proposer !== undefined) arrays.proposer[slot * G + g] = logProbs![g]!
  }
}

/** A query that is not there: any pool, any pointer, weight 0. */
function fillNothing(arrays: Arrays, slot: number, { sizes }: ProgramSpec): void {
  const { group: G, shots: K } = sizes
  for (let g = 0; g < G; g++) {
    for (let t = 0; t < K; t++) arrays.pointers[(slot * G + g) * K + t] = t
  }
}

/** Dropout masks of `count` steps from step `first` of a phase. */
export function stackMasks(
  spec: ProgramSpec,
  masks: MaskShapes,
  { first, count, phase, seed }: { first: number; count: number; phase: number; seed: number | string },
): Record<string, TensorValues> {
  return Object.fromEntries(
    [...masks].map(([place, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1)
      const values = new Uint8Array(count * size)
      for (let i = 0; i < count; i++) {
        const mask = values.subarray(i * size, (i + 1) * size)
        fillMask(mask, rateOf(spec.phase, place), seed, phase, first + i, place)
      }
      return [maskName(place), values]
    }),
  )
}
