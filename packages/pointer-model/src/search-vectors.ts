import { InputError } from '@lever/durable-files'
import { flattenParameters, loadModel } from '@lever/onnx-grad'
import type { RunOptions } from '@lever/onnx-grad'
import { policyGraphs } from './graphs.ts'
import { architectureOf } from './model.ts'
import type { PointerModel } from './model.ts'

/** Examples as a policy sees them before it knows their pool: unit vectors whose inner product ranks candidates. */
export interface SearchVectors {
  /** As queries, [M, H]. */
  readonly queries: Float32Array
  /** As candidates, [M, H]. */
  readonly candidates: Float32Array
  /** H */
  readonly dim: number
}

/**
 * Vectors by which the first choice of a policy can be searched for in a whole library: qs and cn of `bi-encoder`, for
 * rows [M, D]. The candidate with the largest inner product is the one that the policy chooses first, whatever the pool.
 *
 * @throws InputError for an architecture in which the query sees its pool, or rows of another size
 */
export async function searchVectors(
  model: PointerModel,
  { data, dim }: { readonly data: Float32Array; readonly dim: number },
  options: RunOptions = {},
): Promise<SearchVectors> {
  if (architectureOf(model.architecture).separate !== true) {
    throw new InputError(
      `pointer-model: in a policy of architecture ${model.architecture} the query sees its pool, so it cannot search a library; train one of architecture bi-encoder`,
    )
  }
  if (dim !== model.config.dim) {
    throw new InputError(
      `pointer-model: the policy was trained on embeddings of size ${model.config.dim}, these have ${dim}; give those of the same embedder and kind`,
    )
  }
  const graphs = policyGraphs(model.architecture, model.config)
  const flat = flattenParameters(graphs.layout, model.parameters).decayed
  const weights = { dtype: 'float32', dims: [flat.length], data: flat } as const
  const count = data.length / dim
  const rows = { dtype: 'float32', dims: [count, dim], data } as const
  const items = await loadModel(graphs.items(), options)
  const begin = await loadModel(graphs.begin(), options)
  try {
    const features = await items.run({ weights, rows })
    const pool = { dtype: 'int32', dims: [count, 1], data: new Int32Array(count) } as const
    const valid = { dtype: 'bool', dims: [count, 1], data: new Uint8Array(count).fill(1) } as const
    const begun = await begin.run({ weights, query: rows, pool, valid, ...features })
    const queries = begun['state.query']!.data as Float32Array
    return { queries, candidates: features['item.key']!.data as Float32Array, dim: model.config.hidden }
  } finally {
    await items.close()
    await begin.close()
  }
}
