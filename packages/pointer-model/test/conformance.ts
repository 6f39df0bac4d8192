import { describe, expect, test } from '@jest/globals'
import * as g from '@lever/onnx-grad'
import type { DType, Tensor, Value } from '@lever/onnx-grad'
import { createRandom } from '@lever/reward-utils'
import type { ArchitectureName } from '../src/architectures/index.ts'
import { rowEnd, rowWidth, widenRows } from '../src/members.ts'
import type { Members } from '../src/members.ts'
import { architectureOf, createModel } from '../src/model.ts'
import type { PointerModel } from '../src/model.ts'
import { openPolicy } from '../src/policy.ts'
import { sequenceLogits, stepLogProbs } from '../src/sequence.ts'
import type { SequenceInputs } from '../src/sequence.ts'
import type { PolicyInput } from '../src/batches.ts'
import { randomInput, randomMatrix } from './world.ts'

const matrix = { ...randomMatrix(40, 12), ids: Array.from({ length: 40 }, (_, id) => id) }
/** All but ten rows; one was never measured. */
const MEMBERS: Members = {
  ids: Array.from({ length: 30 }, (_, i) => i),
  counts: Array.from({ length: 30 }, (_, i) => 5 * (i % 7)),
}
const randoms = (count: number, seed = 5): ReturnType<typeof createRandom>[] =>
  Array.from({ length: count }, (_, i) => createRandom(seed, i))

/**
 * What every architecture must do. `double` says whether its graph runs in float64 (ONNX Runtime has
 * no Erf there), in which case gradients are compared more strictly.
 */
export function describeArchitecture(
  name: ArchitectureName,
  { double = true, withMembers = false } = {},
): void {
  const members = withMembers ? MEMBERS : undefined
  const made = (seed: number, settings: object = {}): PointerModel =>
    withBias(
      createModel({ architecture: name, settings: { dim: 12, hidden: 8, ...settings }, seed, members }),
    )
  const model = made(3)
  const architecture = architectureOf(name)

  describe(withMembers ? `${name} with members` : name, () => {
    test('has unique, seeded parameters', () => {
      const specs = architecture.parameters(model.config)
      expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length)
      for (const { name: key, shape } of specs) {
        expect(model.parameters.get(key)!.values).toHaveLength(shape.reduce((a, b) => a * b, 1))
      }
      const again = made(3)
      expect(again).toEqual(model)
      const other = made(4)
      expect(other.parameters).not.toEqual(model.parameters)
    })

    test('never repeats a candidate, up to the whole pool', async () => {
      const policy = await openPolicy(model, { batchSize: 2 })
      const input = randomInput(matrix, [5, 7, 4])
      const found = [
        ...(await policy.greedy(input, { shots: 4 })),
        ...(await policy.beam(input, { shots: 4, width: 6 })).flat(),
        ...(await policy.sample(input, { shots: 4, count: 9, temperature: 3, randoms: randoms(3) })).flat(),
      ]
      for (const { pointer, logProb } of found) {
        expect(pointer.length).toBe(architecture.stops === true ? new Set(pointer).size : 4)
        expect(new Set(pointer).size).toBe(pointer.length)
        expect(pointer.every((n) => n >= 0 && n < 7)).toBe(true)
        expect(logProb).toBeLessThanOrEqual(0)
      }
      await policy.close()
    })

    test('all pointers of a small pool have probabilities that sum to 1', async () => {
      const policy = await openPolicy(model)
      const input = randomInput(matrix, [4, 4])
      const count = architecture.stops === true ? 1 + 4 + 12 : 12
      const all = await policy.beam(input, { shots: 2, width: 20 })
      for (const list of all) {
        expect(new Set(list.map(({ pointer }) => pointer.join())).size).toBe(count)
        for (let i = 1; i < count; i++) expect(list[i]!.logProb).toBeLessThanOrEqual(list[i - 1]!.logProb)
      }
      for (const list of all) {
        expect(list.reduce((total, { logProb }) => total + Math.exp(logProb), 0)).toBeCloseTo(1, 5)
      }
      const scored = await policy.logProbs(
        input,
        all.map((list) => list.map(({ pointer }) => padded(pointer, 2))),
      )
      all.forEach((list, b) =>
        list.forEach(({ logProb }, i) => expect(scored[b]![i]).toBeCloseTo(logProb, 5)),
      )
      await policy.close()
    })

    test('does not depend on the order of the pool, on padding, on other queries', async () => {
      const policy = await openPolicy(model)
      const input = randomInput(matrix, [6, 11])
      const both = await policy.beam(input, { shots: 3 })
      const alone = await policy.beam({ ...input, items: [input.items[0]!] }, { shots: 3 })
      const order = [3, 0, 5, 1, 4, 2]
      const pool = order.map((n) => input.items[0]!.pool[n]!)
      const moved = await policy.beam({ ...input, items: [{ row: 0, pool }] }, { shots: 3 })
      const grown = Array.from(input.items[0]!.pool).toSpliced(2, 0, 39)
      const excluded = await policy.beam(
        { ...input, items: [{ row: 0, pool: grown, exclude: [2] }] },
        { shots: 3 },
      )
      both[0]!.forEach(({ pointer, logProb }, i) => {
        expect(alone[0]![i]!.pointer).toEqual(pointer)
        expect(Array.from(moved[0]![i]!.pointer, (n) => order[n])).toEqual(Array.from(pointer))
        expect(Array.from(excluded[0]![i]!.pointer, (n) => (n > 2 ? n - 1 : n))).toEqual(Array.from(pointer))
        for (const other of [alone, moved, excluded]) expect(other[0]![i]!.logProb).toBeCloseTo(logProb, 5)
      })
      await policy.close()
    })

    test('gradients agree with finite differences', async () => {
      const error = await directionalError(name, double ? 'float64' : 'float32', withMembers)
      expect(error).toBeLessThan(double ? 1e-7 : 2e-2)
    })

    test('a fixed copy of the policy has the same bits inside a training step', async () => {
      const layout = g.layoutParameters(model.parameters)
      const input = randomInput(matrix, [5, 5])
      const pointers = [
        [0, 4, 2],
        architecture.stops === true ? [3, -1, -1] : [3, 1, 0],
        [1, 2, 3],
        [4, 0, 1],
      ]
      const trainer = await g.openTrainer({
        layout,
        stepInputs: {},
        sharedInputs: { ...batchSpecs(model, 2, 5, 2, 3), fixed: { shape: [layout.sizes.decayed] } },
        loss: (parameter, node) => {
          const copies = new Map(
            layout.places.map(({ name: key, shape, offset, size }) => [
              key,
              g.reshape(g.slice(node('fixed'), 0, offset, offset + size), shape),
            ]),
          )
          const score = (of: g.ParameterNodes): Tensor =>
            stepLogProbs(
              sequenceLogits({ architecture, config: model.config, parameter: of }, batchNodes(node)),
            )
          const trained = score(parameter)
          const difference = g.sub(
            trained,
            score((key) => copies.get(key)!),
          )
          const metrics = { difference: g.max(g.square(difference)), total: g.sum(trained) }
          return { loss: g.mean(g.exp(difference)), metrics }
        },
      })
      const state = g.initialState(layout, model.parameters)
      const { metrics } = await trainer.run(state, {
        learningRates: [0.01, 0.01],
        stepInputs: {},
        sharedInputs: { ...batchValues(model, input, pointers), fixed: state.weights.decayed },
      })
      await trainer.close()
      expect(metrics['difference']![0]).toBe(0)
      expect(metrics['difference']![1]).toBeGreaterThan(0)
      const policy = await openPolicy(model)
      const scored = await policy.logProbs(input, [pointers.slice(0, 2), pointers.slice(2)])
      const total = scored.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0)
      expect(metrics['total']![0]! / total).toBeCloseTo(1, 5)
      await policy.close()
    })

    test('overfits four samples', async () => {
      const sharp = made(3, { temperature: 0.1 })
      const targets = [[0, 3], [5, 1], architecture.stops === true ? [2] : [2, 4], [1, 0]]
      const input = randomInput(matrix, [6, 6, 6, 6])
      const layout = g.layoutParameters(sharp.parameters)
      const trainer = await g.openTrainer({
        layout,
        stepInputs: {},
        sharedInputs: batchSpecs(sharp, 4, 6, 1, 2),
        loss: (parameter, node) => {
          const net = { architecture, config: sharp.config, parameter }
          return { loss: g.neg(g.mean(stepLogProbs(sequenceLogits(net, batchNodes(node))))) }
        },
      })
      const steps = 150
      const result = await trainer.run(g.initialState(layout, sharp.parameters), {
        learningRates: new Array<number>(steps).fill(0.02),
        stepInputs: {},
        sharedInputs: batchValues(
          sharp,
          input,
          targets.map((pointer) => padded(pointer, 2)),
        ),
      })
      await trainer.close()
      expect(result.metrics['loss']![0]).toBeGreaterThan(1)
      expect(result.metrics['loss']![steps - 1]).toBeLessThan(0.1)
      const policy = await openPolicy({ ...sharp, parameters: g.parametersOf(layout, result.state) })
      const greedy = await policy.greedy(input, { shots: 2 })
      expect(greedy.map(({ pointer }) => Array.from(pointer))).toEqual(targets)
      await policy.close()
    })
  })
}

/** A pointer as it is stored: -1 after its end. */
const padded = (pointer: ArrayLike<number>, shots: number): number[] =>
  Array.from({ length: shots }, (_, t) => pointer[t] ?? -1)

/** The numbers of members start at 0; here they are drawn. */
function withBias(model: PointerModel): PointerModel {
  const bias = model.parameters.get('member.bias')
  if (bias === undefined) return model
  const random = createRandom(8)
  const values = bias.values.map(() => random.normal())
  return { ...model, parameters: new Map([...model.parameters, ['member.bias', { ...bias, values }]]) }
}

/** Inputs of B queries with pools of N and G pointers of K each. */
function batchSpecs(
  { config }: PointerModel,
  B: number,
  N: number,
  G: number,
  K: number,
): Record<string, g.InputSpec> {
  const width = rowWidth(config)
  return {
    query: { shape: [B, width] },
    candidates: { shape: [B, N, width] },
    valid: { shape: [B, N], dtype: 'bool' },
    pointers: { shape: [B, G, K], dtype: 'int32' },
  }
}

function batchNodes(node: g.ParameterNodes): SequenceInputs {
  return {
    query: node('query'),
    candidates: node('candidates'),
    valid: node('valid'),
    pointers: node('pointers'),
  }
}

function batchValues(
  model: PointerModel,
  { items }: PolicyInput,
  pointers: readonly (readonly number[])[],
): Record<string, g.TensorValues> {
  const data = widenRows(matrix, matrix.ids, rowEnd(model))
  const dim = rowWidth(model.config)
  const rows = (list: readonly number[]): Float32Array =>
    Float32Array.from(list.flatMap((row) => Array.from(data.subarray(row * dim, (row + 1) * dim))))
  const pools = items.flatMap(({ pool }) => Array.from(pool))
  return {
    query: rows(items.map(({ row }) => row)),
    candidates: rows(pools),
    valid: new Uint8Array(pools.length).fill(1),
    pointers: Int32Array.from(pointers.flat()),
  }
}

/** Largest error of the directional derivative of a loss over each parameter, relative to the gradient's norm. */
async function directionalError(name: ArchitectureName, dtype: DType, withMembers: boolean): Promise<number> {
  const members = withMembers ? { ids: [0, 1, 2], counts: [1, 20, 40] } : undefined
  const { config, parameters } = createModel({
    ...{ architecture: name, settings: { dim: 5, hidden: 4 }, seed: 1, members },
  })
  const typed = (values: Iterable<number>): Float64Array | Float32Array =>
    dtype === 'float64' ? Float64Array.from(values) : Float32Array.from(values)
  const random = createRandom(9)
  const nodes = new Map<string, Tensor>()
  const values: Record<string, Value> = {}
  for (const [key, { shape, values: data }] of parameters) {
    nodes.set(key, g.input(key, shape, dtype))
    const shifted = Array.from(data, (x) => x + 0.1 * random.normal())
    values[key] = { dtype, dims: shape, data: typed(shifted) }
  }
  const [B, G, N, K] = [2, 3, 5, 3]
  const fixed = (shape: number[]): Tensor =>
    g.constant(
      typed(Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal())),
      shape,
      dtype,
    )
  const ends = (shape: number[], numbers: readonly number[]): Tensor[] =>
    withMembers ? [g.constant(typed(numbers.flatMap((n) => [n, n / 4])), [...shape, 2], dtype)] : []
  const drawn = Array.from({ length: B * G }, () => random.sample([0, 1, 2, 3], K))
  const stops = architectureOf(name).stops === true
  const pointers = drawn.flatMap((pointer, i) => (stops ? padded(pointer.slice(0, i % 4), K) : pointer))
  const logProbs = stepLogProbs(
    sequenceLogits(
      { architecture: architectureOf(name), config, parameter: (key) => nodes.get(key)! },
      {
        query: g.concat([fixed([B, 5]), ...ends([B], [0, 0])], -1),
        candidates: g.concat([fixed([B, N, 5]), ...ends([B, N], [0, 1, 2, 3, 1, 3, 2, 1, 0, 2])], -1),
        valid: g.constant([1, 1, 1, 1, 1, 1, 1, 1, 1, 0], [B, N], 'bool'),
        pointers: g.constant(pointers, [B, G, K], 'int32'),
      },
    ),
  )
  const loss = g.sum(g.mul(logProbs, fixed([B, G, K])))
  const inputs = [...nodes.values()]
  const found = g.gradients(loss, inputs)
  const outputs = Object.fromEntries(found.map((gradient, i) => [`g${i}`, gradient]))
  const model = await g.loadModel(g.encodeModel({ inputs, outputs: { loss, ...outputs } }))
  const analytic = await model.run(values)
  const step = dtype === 'float64' ? 1e-5 : 1e-2
  let worst = 0
  for (const [i, { name: key }] of inputs.entries()) {
    const gradient = Array.from(analytic[`g${i}`]!.data as Float64Array)
    const direction = gradient.map(() => random.normal())
    const length = Math.hypot(...direction)
    const lossAt = async (distance: number): Promise<number> => {
      const before = values[key!]!
      const moved = Array.from(before.data as Float64Array, (x, j) => x + (distance * direction[j]!) / length)
      const result = await model.run({ ...values, [key!]: { ...before, data: typed(moved) } }, ['loss'])
      return Number(result['loss']!.data[0])
    }
    const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step)
    const along = gradient.reduce((total, x, j) => total + (x * direction[j]!) / length, 0)
    worst = Math.max(worst, Math.abs(numeric - along) / Math.max(1, Math.hypot(...gradient)))
  }
  await model.close()
  return worst
}
