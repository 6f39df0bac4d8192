import { canonicalJson } from '@lever/durable-files'
import type { RlMeta } from '@lever/rl-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { MeasureMeta } from '../measure/types.ts'
import { poolRecord } from '../pools/types.ts'
import type { Pools } from '../pools/types.ts'

/** The model that answers, by name and rules. `VqaModel` of `@lever/vqa-model` is one. */
export interface AnsweringModel {
  readonly name: string
  readonly protocol: object
  readonly protocolHash: string
}

/** The dataset of the queries. */
export interface DatasetFacts {
  readonly name: string
  readonly split: string
  readonly hash: string
  readonly examples: readonly unknown[]
}

/** The embeddings that pointers are proposed by. */
export interface EmbeddingFacts {
  readonly model: string
  readonly kind: string
  readonly rows: number
  /** D */
  readonly dim: number
}

/** Everything that `_meta` says. */
export interface MetaOptions {
  /** Who answers, and under which protocol. */
  readonly model: AnsweringModel
  /** The dataset of the queries. */
  readonly dataset: DatasetFacts
  /** Method, size and seed of the pools go into `_meta`; the ids do not. */
  readonly pools: Pools
  /** K */
  readonly shots: number
  /** Seed of the proposals. */
  readonly seed: number
  /** Of the program that generates. */
  readonly version: string
  /** Whether the run ends at an outcome that cannot be measured. Default true. */
  readonly strict?: boolean
  /** What else fixes an outcome, for `_meta.generator`. */
  readonly generator?: Readonly<Record<string, unknown>>
}

export const META_OPTIONS: OptionNames<MetaOptions> = {
  model: true,
  dataset: true,
  pools: true,
  shots: true,
  seed: true,
  version: true,
  strict: true,
  generator: true,
}

/** The `_meta` of generated data. It holds no time and no path, so the same run gives the same bytes. */
export function metaOf(options: MetaOptions): MeasureMeta {
  refuseUnknownOptions(options, META_OPTIONS, 'rl-generate: metaOf')
  const { model, dataset, pools, shots, seed, version, strict = true, generator = {} } = options
  return {
    schema: 'lever-rl',
    schema_version: '5.0',
    generator: { name: 'lever', version, seed, ...generator },
    dataset: {
      name: dataset.name,
      split: dataset.split,
      num_rows: dataset.examples.length,
      sha256: dataset.hash,
    },
    vqa_model: model.name,
    protocol: protocolOf(model),
    pool: poolRecord(pools),
    strict_eval: strict,
    index_space: 'global',
    shot_num: shots,
    pool_size: pools.size,
  }
}

/** The protocol of a model with its hash, as `_meta` and the jobs of a queue hold it. */
export function protocolOf({
  protocol,
  protocolHash,
}: Pick<AnsweringModel, 'protocol' | 'protocolHash'>): MeasureMeta['protocol'] {
  return { hash: protocolHash, ...(JSON.parse(canonicalJson(protocol)) as Record<string, unknown>) }
}

/** The field `embeddings` of a plan or of `_meta`; nothing without embeddings. */
export function embeddingsOf(facts: EmbeddingFacts | undefined): Pick<RlMeta, 'embeddings'> {
  if (facts === undefined) return {}
  const { model, kind, rows, dim } = facts
  return { embeddings: { model, kind, rows, dim } }
}
