import { flattenParameters, loadModel } from '@lever/onnx-grad'
import type { Parameters, Runner, RunOptions, Value } from '@lever/onnx-grad'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { checkPointers, prepareBatches } from './batches.ts'
import type { PolicyInput } from './batches.ts'
import { readBeams } from './decode/beam.ts'
import { readGreedy } from './decode/greedy.ts'
import type { GreedyChoice, PointerChoice } from './decode/greedy.ts'
import { decodeLogProbs } from './decode/log-probs.ts'
import { decodeOffset } from './decode/offset.ts'
import { decodeSample } from './decode/sample.ts'
import type { SampledPointer, SampleOptions } from './decode/sample.ts'
import { batchInputs, createDecoder } from './decoder.ts'
import type { Decoder, DecoderBatch, RunGraph } from './decoder.ts'
import { policyGraphs } from './graphs.ts'
import { rowEnd, rowWidth } from './members.ts'
import { architectureOf } from './model.ts'
import type { PointerModel } from './model.ts'

/** How a policy runs. */
export interface PolicyOptions extends RunOptions {
  /** Queries decoded together (default 64). */
  batchSize?: number
}

export const POLICY_OPTIONS: OptionNames<PolicyOptions> = { batchSize: true, threads: true, device: true }

/**
 * A pointer network that is ready to choose. All functions take many queries, work on them in
 * batches, and return one entry per query. Close it when it is not needed any more.
 */
export interface Policy {
  readonly model: PointerModel
  /** The most probable candidate at every step. */
  greedy(input: PolicyInput, options: { shots: number }): Promise<GreedyChoice[]>
  /**
   * The greedy pointers of logits with an offset added at every step: `offsets[i]` [N] belongs to query i. Positions in
   * the pools.
   */
  greedyWith(
    input: PolicyInput,
    options: { shots: number; offsets: readonly Float64Array[] },
  ): Promise<Int32Array[]>
  /** The `width` (default 5) best pointers that beam search finds, ranked by log-probability. */
  beam(input: PolicyInput, options: { shots: number; width?: number }): Promise<PointerChoice[][]>
  /** Random pointers of the policy; `randoms[i]` is the stream of query i. */
  sample(input: PolicyInput, options: SampleOptions & { shots: number }): Promise<SampledPointer[][]>
  /**
   * Log-probabilities of given pointers (positions in the pool): one array [G] per query; -Infinity where a
   * candidate is excluded. Where the architecture can stop, -1 in the rest of a pointer says that it did; without
   * it the log-probability is that of beginning so.
   */
  logProbs(input: PolicyInput, pointers: readonly (readonly ArrayLike<number>[])[]): Promise<Float64Array[]>
  /** The same network with other values, such as those of a later step of training. Shares what is loaded; close the first one only. */
  withParameters(parameters: Parameters): Policy
  /** Frees the sessions; the policy cannot be used afterwards. */
  close(): Promise<void>
}

const GREEDY_OPTIONS: OptionNames<{ shots: number }> = { shots: true }
const OFFSET_OPTIONS: OptionNames<{ shots: number; offsets: unknown }> = { shots: true, offsets: true }
const BEAM_OPTIONS: OptionNames<{ shots: number; width: number }> = { shots: true, width: true }
const SAMPLE_OPTIONS: OptionNames<SampleOptions & { shots: number }> = {
  ...{ shots: true, count: true, temperature: true, topP: true, randoms: true },
}

/**
 * Makes a model ready to choose. Pools and batches of any size run in the same sessions of ONNX Runtime: one
 * for the candidates, two for the steps of samples and log-probabilities, one for the greedy pointers of each K and
 * one for the beams of each K and width. A session is loaded when it is first needed.
 */
export async function openPolicy(model: PointerModel, given: PolicyOptions = {}): Promise<Policy> {
  refuseUnknownOptions(given, POLICY_OPTIONS, 'pointer-model: openPolicy')
  const { batchSize = 64, ...options } = given
  const graphs = policyGraphs(model.architecture, model.config)
  const loaded = new Map<string, Promise<Runner>>()
  const load = (name: string, encode: () => Uint8Array): Promise<Runner> => {
    const runner = loaded.get(name) ?? loadModel(encode(), options)
    loaded.set(name, runner)
    return runner
  }
  const runners: Runners = {
    items: () => load('items', graphs.items),
    begin: () => load('begin', graphs.begin),
    next: () => load('next', graphs.next),
    greedy: (shots) => load(`greedy ${shots}`, () => graphs.greedy(shots)),
    beam: (shots, width) => load(`beam ${shots} ${width}`, () => graphs.beam(shots, width)),
    close: async () => {
      for (const runner of loaded.values()) await (await runner).close()
      loaded.clear()
    },
  }
  await runners.items()
  const bind = (bound: PointerModel): Policy => {
    const { decayed } = flattenParameters(graphs.layout, bound.parameters)
    const weights: Value = { dtype: 'float32', dims: [decayed.length], data: decayed }
    return policyOf(bound, runners, weights, batchSize, (parameters) => bind({ ...bound, parameters }))
  }
  return bind(model)
}

type Values = Readonly<Record<string, Value>>

interface Runners extends Readonly<Record<'items' | 'begin' | 'next', () => Promise<Runner>>> {
  greedy(shots: number): Promise<Runner>
  beam(shots: number, width: number): Promise<Runner>
  close(): Promise<void>
}

/** Works on the queries of an input, batch by batch; `from` is the first query of a batch. */
type OverBatches = <T>(
  input: PolicyInput,
  shots: number,
  work: (batch: DecoderBatch, items: Values, from: number) => Promise<readonly T[]>,
) => Promise<T[]>

function overBatchesOf(
  model: PointerModel,
  runners: Runners,
  weights: Value,
  batchSize: number,
): OverBatches {
  const { dim } = model.config
  const columns = rowWidth(model.config)
  const end = rowEnd(model)
  return async (input, shots, work) => {
    const { rows, batches } = prepareBatches(input, { dim, shots, batchSize, end })
    if (batches.length === 0) return []
    const dims = [rows.length / columns, columns]
    const items = await (await runners.items()).run({ weights, rows: { dtype: 'float32', dims, data: rows } })
    const results: Awaited<ReturnType<typeof work>>[number][] = []
    for (const batch of batches) {
      for (const result of await work(batch, items, results.length)) results.push(result)
    }
    return results
  }
}

function policyOf(
  model: PointerModel,
  runners: Runners,
  weights: Value,
  batchSize: number,
  withParameters: (parameters: Parameters) => Policy,
): Policy {
  const columns = rowWidth(model.config)
  const stops = architectureOf(model.architecture).stops === true
  const overBatches = overBatchesOf(model, runners, weights, batchSize)

  function overSteps<T>(
    input: PolicyInput,
    shots: number,
    work: (decoder: Decoder, from: number) => Promise<readonly T[]>,
  ): Promise<T[]> {
    const run: RunGraph = async (graph, inputs) => (await runners[graph]()).run({ weights, ...inputs })
    return overBatches(input, shots, (batch, items, from) =>
      work(createDecoder(run, items, batch, { dim: columns, stops }), from),
    )
  }

  return {
    model,
    async greedy(input, options) {
      refuseUnknownOptions(options, GREEDY_OPTIONS, 'pointer-model: greedy')
      const { shots } = options
      checkWhole({ shots }, 0)
      if (shots === 0) return input.items.map(nothing)
      return overBatches(input, shots, async (batch, items) => {
        const runner = await runners.greedy(shots)
        const result = await runner.run({ weights, ...items, ...batchInputs(batch, columns) })
        return readGreedy(result, { queries: batch.queries, pool: batch.pool, shots })
      })
    },
    async greedyWith(input, options) {
      refuseUnknownOptions(options, OFFSET_OPTIONS, 'pointer-model: greedyWith')
      const { shots, offsets } = options
      return overSteps(input, shots, (decoder, from) => decodeOffset(decoder, shots, offsets, from))
    },
    async beam(input, options) {
      refuseUnknownOptions(options, BEAM_OPTIONS, 'pointer-model: beam')
      const { shots, width = 5 } = options
      checkWhole({ shots }, 0)
      checkWhole({ width }, 1)
      if (shots === 0) return input.items.map(() => [{ pointer: new Int32Array(0), logProb: 0 }])
      return overBatches(input, shots, async (batch, items) => {
        const runner = await runners.beam(shots, width)
        const result = await runner.run({ weights, ...items, ...batchInputs(batch, columns) })
        return readBeams(result, { queries: batch.queries, pool: batch.pool, shots, width })
      })
    },
    async sample(input, options) {
      refuseUnknownOptions(options, SAMPLE_OPTIONS, 'pointer-model: sample')
      const { shots, randoms, ...rest } = options
      checkWhole({ shots }, 0)
      checkSample({ ...rest, randoms }, input.items.length)
      return overSteps(input, shots, (decoder, from) =>
        decodeSample(decoder, shots, {
          ...rest,
          randoms: randoms.slice(from, from + decoder.batch.queries),
        }),
      )
    },
    async logProbs(input, pointers) {
      checkPointers(input, pointers, stops)
      return overSteps(input, 0, (decoder, from) =>
        decodeLogProbs(decoder, pointers.slice(from, from + decoder.batch.queries)),
      )
    },
    withParameters,
    close: () => runners.close(),
  }
}

function nothing(): GreedyChoice {
  return { pointer: new Int32Array(0), logProb: 0, stepLogProbs: new Float64Array(0) }
}

function checkWhole(options: Readonly<Record<string, number>>, least: number): void {
  for (const [name, value] of Object.entries(options)) {
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new RangeError(`pointer-model: ${name} must be a whole number from ${least}, got ${value}`)
  }
}

function checkSample({ count, temperature = 1, topP = 1, randoms }: SampleOptions, queries: number): void {
  checkWhole({ count }, 0)
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new RangeError(
      `pointer-model: temperature must be positive, got ${temperature}; greedy is its limit 0`,
    )
  }
  if (!(topP >= 0 && topP <= 1)) throw new RangeError(`pointer-model: topP must be in [0, 1], got ${topP}`)
  if (randoms.length !== queries) {
    throw new RangeError(
      `pointer-model: sample needs a random stream for each of ${queries} queries, got ${randoms.length}`,
    )
  }
}
