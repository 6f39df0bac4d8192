import { flattenParameters, loadModel } from '@lever/onnx-grad'
import type { Parameters, Runner, RunOptions, Value } from '@lever/onnx-grad'
import { checkPointers, prepareBatches } from './batches.ts'
import type { PolicyInput } from './batches.ts'
import { decodeBeam } from './decode/beam.ts'
import { decodeGreedy } from './decode/greedy.ts'
import type { PointerChoice } from './decode/greedy.ts'
import { decodeLogProbs } from './decode/log-probs.ts'
import { decodeSample } from './decode/sample.ts'
import type { SampledPointer, SampleOptions } from './decode/sample.ts'
import { createDecoder } from './decoder.ts'
import type { Decoder } from './decoder.ts'
import { encodePolicyGraphs } from './graphs.ts'
import type { PointerModel } from './model.ts'

export interface PolicyOptions extends RunOptions {
  /** Queries decoded together (default 64). */
  batchSize?: number
}

/**
 * A pointer network that is ready to choose. All functions take many queries, work on them in
 * batches, and return one entry per query. Close it when it is not needed any more.
 */
export interface Policy {
  readonly model: PointerModel
  /** The most probable candidate at every step. */
  greedy(input: PolicyInput, options: { shots: number }): Promise<PointerChoice[]>
  /** The `width` (default 5) best pointers that beam search finds, ranked by log-probability. */
  beam(input: PolicyInput, options: { shots: number; width?: number }): Promise<PointerChoice[][]>
  /** Random pointers of the policy; `randoms[i]` is the stream of query i. */
  sample(input: PolicyInput, options: SampleOptions & { shots: number }): Promise<SampledPointer[][]>
  /** Log-probabilities of given pointers (positions in the pool): one array [G] per query; -Infinity where a candidate is excluded. */
  logProbs(input: PolicyInput, pointers: readonly (readonly ArrayLike<number>[])[]): Promise<Float64Array[]>
  /** The same network with other values, such as those of a later step of training. Shares what is loaded; close the first one only. */
  withParameters(parameters: Parameters): Policy
  close(): Promise<void>
}

/** Loads a model into ONNX Runtime. Pools and batches of any size run in the same three sessions. */
export async function openPolicy(
  model: PointerModel,
  { batchSize = 64, ...options }: PolicyOptions = {},
): Promise<Policy> {
  const graphs = encodePolicyGraphs(model.architecture, model.config)
  const runners = {
    items: await loadModel(graphs.items, options),
    begin: await loadModel(graphs.begin, options),
    next: await loadModel(graphs.next, options),
  }
  const bind = (bound: PointerModel): Policy => {
    const { decayed } = flattenParameters(graphs.layout, bound.parameters)
    const weights: Value = { dtype: 'float32', dims: [decayed.length], data: decayed }
    return policyOf(bound, runners, weights, batchSize, (parameters) => bind({ ...bound, parameters }))
  }
  return bind(model)
}

type Runners = Readonly<Record<'items' | 'begin' | 'next', Runner>>

function policyOf(
  model: PointerModel,
  runners: Runners,
  weights: Value,
  batchSize: number,
  withParameters: (parameters: Parameters) => Policy,
): Policy {
  const { dim } = model.config
  const run = (graph: keyof Runners, inputs: Record<string, Value>): Promise<Record<string, Value>> =>
    runners[graph].run({ weights, ...inputs })

  async function overBatches<T>(
    input: PolicyInput,
    shots: number,
    work: (decoder: Decoder, from: number) => Promise<readonly T[]>,
  ): Promise<T[]> {
    const { rows, batches } = prepareBatches(input, { dim, shots, batchSize })
    const results: T[] = []
    if (batches.length === 0) return results
    const items = await run('items', {
      rows: { dtype: 'float32', dims: [rows.length / dim, dim], data: rows },
    })
    for (const batch of batches) {
      const decoder = createDecoder((graph, inputs) => run(graph, inputs), items, batch, dim)
      results.push(...(await work(decoder, results.length)))
    }
    return results
  }

  return {
    model,
    greedy: (input, { shots }) => overBatches(input, shots, (decoder) => decodeGreedy(decoder, shots)),
    beam: (input, { shots, width = 5 }) =>
      overBatches(input, shots, (decoder) => decodeBeam(decoder, shots, width)),
    sample: (input, { shots, randoms, ...rest }) =>
      overBatches(input, shots, (decoder, from) =>
        decodeSample(decoder, shots, {
          ...rest,
          randoms: randoms.slice(from, from + decoder.batch.queries),
        }),
      ),
    async logProbs(input, pointers) {
      checkPointers(input, pointers)
      return overBatches(input, 0, (decoder, from) =>
        decodeLogProbs(decoder, pointers.slice(from, from + decoder.batch.queries)),
      )
    },
    withParameters,
    async close() {
      for (const runner of Object.values(runners)) await runner.close()
    },
  }
}
