import { InputError } from '@lever/durable-files'
import type { Index } from 'usearch'

/** How an index stores its vectors. Scores are computed again from the float32 rows. */
export type Quantization = 'i8' | 'f16'

export interface GraphSettings {
  readonly dim: number
  readonly quantization: Quantization
  /** Links of a node, M of HNSW. */
  readonly connectivity: number
  /** Candidates kept while a node is linked, efConstruction of HNSW. */
  readonly buildExpansion: number
  /** Candidates kept while a query is searched, ef of HNSW. */
  readonly searchExpansion: number
}

/**
 * An empty HNSW index over inner products (Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320).
 *
 * @throws InputError if the optional package usearch is not installed or has no binary for this platform
 */
export async function createGraph(settings: GraphSettings): Promise<Index> {
  const module = await import('usearch').catch((error: unknown) => {
    throw new InputError(
      `retrieval: an index needs the package usearch (${(error as Error).message.split('\n')[0]!}); npm install usearch, or search exactly, without an index`,
      { cause: error },
    )
  })
  const { Index, MetricKind, ScalarKind } = module.default
  return new Index({
    dimensions: settings.dim,
    metric: MetricKind.IP,
    quantization: settings.quantization === 'i8' ? ScalarKind.I8 : ScalarKind.F16,
    connectivity: settings.connectivity,
    expansion_add: settings.buildExpansion,
    expansion_search: settings.searchExpansion,
    multi: false,
  })
}
