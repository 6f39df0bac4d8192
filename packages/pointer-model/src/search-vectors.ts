import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
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

const SEARCHER_OPTIONS: OptionNames<RunOptions> = { threads: true, device: true }

/** A policy whose first choice can be searched for in a whole library. */
export interface LibrarySearcher {
  /** D of the rows that it reads. */
  readonly rowDim: number
  /** H */
  readonly dim: number
  /**
   * qs and cn of `bi-encoder`, for rows [M, D]. The candidate with the largest inner product is the one that the policy
   * chooses first, whatever the pool.
   * @throws InputError for rows of another size
   */
  vectors(rows: { readonly data: Float32Array; readonly dim: number }): Promise<SearchVectors>
  /** Frees the sessions. */
  close(): Promise<void>
}

/** @throws InputError for an architecture in which the query sees its pool, and for a policy with a number per member */
export async function openSearcher(model: PointerModel, options: RunOptions = {}): Promise<LibrarySearcher> {
  refuseUnknownOptions(options, SEARCHER_OPTIONS, 'pointer-model: openSearcher')
  checkSearches(model)
  const { dim: rowDim, hidden: dim } = model.config
  const graphs = policyGraphs(model.architecture, model.config)
  const flat = flattenParameters(graphs.layout, model.parameters).decayed
  const weights = { dtype: 'float32', dims: [flat.length], data: flat } as const
  const items = await loadModel(graphs.items(), options)
  const begin = await loadModel(graphs.begin(), options)
  return {
    rowDim,
    dim,
    async vectors({ data, dim: given }) {
      if (given !== rowDim) {
        throw new InputError(
          `pointer-model: the policy was trained on embeddings of size ${rowDim}, these have ${given}; give those of the same embedder and kind`,
        )
      }
      const count = data.length / rowDim
      const rows = { dtype: 'float32', dims: [count, rowDim], data } as const
      const features = await items.run({ weights, rows })
      const pool = { dtype: 'int32', dims: [count, 1], data: new Int32Array(count) } as const
      const valid = { dtype: 'bool', dims: [count, 1], data: new Uint8Array(count).fill(1) } as const
      const begun = await begin.run({ weights, query: rows, pool, valid, ...features })
      const queries = begun['state.query']!.data as Float32Array
      return { queries, candidates: features['item.key']!.data as Float32Array, dim }
    },
    async close() {
      await items.close()
      await begin.close()
    },
  }
}

function checkSearches({ architecture, members }: PointerModel): void {
  if (architectureOf(architecture).separate !== true) {
    throw new InputError(
      `pointer-model: in a policy of architecture ${architecture} the query sees its pool, so it cannot search a library; train one of architecture bi-encoder`,
    )
  }
  if (members === undefined) return
  throw new InputError(
    'pointer-model: the policy has a learned number for every member of its library, which a search would leave out; train one without --member-bias',
  )
}

/**
 * Vectors by which the first choice of a policy can be searched for in a whole library, for rows [M, D]; see
 * {@link LibrarySearcher}.
 *
 * @throws InputError for a policy that cannot search, or rows of another size
 */
export async function searchVectors(
  model: PointerModel,
  rows: { readonly data: Float32Array; readonly dim: number },
  options: RunOptions = {},
): Promise<SearchVectors> {
  const searcher = await openSearcher(model, options)
  try {
    return await searcher.vectors(rows)
  } finally {
    await searcher.close()
  }
}
