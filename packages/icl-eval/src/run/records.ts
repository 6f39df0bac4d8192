import { resolve } from 'node:path'
import type { Leakage } from '../leakage.ts'
import type { Example } from '../types.ts'

/** The files of a dataset, so that a report finds it again. */
export interface DatasetFiles {
  readonly questions?: string | undefined
  readonly annotations?: string | undefined
  readonly images?: string | undefined
  /** Which of several splits that lie together. */
  readonly split?: string | undefined
  readonly skipMissingImages?: boolean | undefined
}

/** A dataset as an evaluation knows it. */
export interface EvaluatedDataset {
  readonly name: string
  readonly split: string
  readonly hash: string
  readonly examples: readonly Example[]
  readonly files: DatasetFiles
}

/** What the manifest of a run keeps of its evaluation besides the files; the report needs it. */
export interface EvaluationRecord {
  /** Null when an evaluation on RL data was given none. */
  readonly dataset: DatasetRecord | null
  /** What demonstrations come from. */
  readonly pool: DatasetRecord | null
  /** How pools were made, in words. */
  readonly pools: string
  /** The selector that the examples are about. */
  readonly focus: string
  /** Null when it is unknown. */
  readonly protocol: ProtocolRecord | null
  /** Numbers of questions. */
  readonly leakage: Readonly<Record<keyof Leakage, number>>
  /** The RL data of the policies, whose images were looked for too; `unknown` are policies without. */
  readonly trainedOn?: {
    readonly files: readonly string[]
    readonly questions: number
    readonly unknown: readonly string[]
  }
  /** How the selector `static` found its sets. */
  readonly static?: StaticRecord
  /** What else a reader must know before the figures. */
  readonly warnings?: readonly string[]
}

/** How `static` was chosen, for the manifest. */
export type StaticRecord = SearchedStaticRecord | MeasuredStaticRecord

/** By main effects on measured data. */
export interface MeasuredStaticRecord {
  readonly by: 'effects'
  readonly files: readonly string[]
  readonly hashes: readonly string[]
  readonly reward: 'expected' | 'accuracy'
  readonly questions: number
  readonly outcomes: number
  /** Examples that were measured. */
  readonly examples: number
  /** See `MainEffects` of `rl-dataset`. */
  readonly shrinkage: number
  readonly between: number
  readonly within: number
  /** The examples with the largest effects, best first. */
  readonly best: readonly { readonly id: number; readonly effect: number }[]
}

/** The best of random sets on validation questions. */
export interface SearchedStaticRecord {
  readonly by?: 'search'
  readonly split: string
  readonly questions: number
  /** R */
  readonly tried: number
  readonly sets: readonly {
    readonly shots: number
    readonly ids: readonly number[]
    readonly accuracy: number
  }[]
}

/** A dataset as results name it. */
export interface DatasetRecord {
  readonly name: string
  readonly split: string
  readonly hash: string
  /** Number of examples. */
  readonly examples: number
  /** Absolute paths. */
  readonly files: DatasetFiles
}

/** The protocol as results name it. */
export interface ProtocolRecord {
  readonly model: string
  readonly backend: string
  readonly template: string
  readonly metric: string
  readonly hash: string
}

/** A dataset as results name it: name, split, hash, number of examples, paths. */
export function datasetRecord({ name, split, hash, examples, files }: EvaluatedDataset): DatasetRecord {
  const { questions = '', annotations, images, split: chosen, skipMissingImages } = files
  return {
    name,
    split,
    hash,
    examples: examples.length,
    files: {
      questions: resolve(questions),
      ...(annotations !== undefined && { annotations: resolve(annotations) }),
      ...(images !== undefined && { images: resolve(images) }),
      ...(chosen !== undefined && { split: chosen }),
      ...(skipMissingImages === true && { skipMissingImages }),
    },
  }
}

/** Which model answers, and by what rules; a `VqaModel` is one. */
export interface AskedModel {
  readonly protocol: Omit<ProtocolRecord, 'hash'>
  readonly protocolHash: string
}

/** The protocol of a model as results name it. */
export function protocolRecord({ protocol, protocolHash }: AskedModel): ProtocolRecord {
  const { model, backend, template, metric } = protocol
  return { model, backend, template, metric, hash: protocolHash }
}

/** What an evaluation shares with pools and training, as numbers of queries. */
export function leakageRecord(leakage: Leakage): EvaluationRecord['leakage'] {
  const { imageInPool, imageInTraining, queryInTraining } = leakage
  return {
    imageInPool: imageInPool.length,
    imageInTraining: imageInTraining.length,
    queryInTraining: queryInTraining.length,
  }
}

/** How pools were made; `byQuery` gives the ids of each. The `Pools` of `rl-generate` are such. */
export interface NamedPools {
  readonly byQuery: ReadonlyMap<number, readonly number[]>
  readonly method: string
  readonly size: number
  readonly seed: number | string
  /** SHA-256 of the checkpoint that searched, for method `learned`. */
  readonly policy?: string | undefined
}

/** How pools were made, in words. */
export function poolText({ method, size, seed, policy }: Omit<NamedPools, 'byQuery'>): string {
  const by = policy === undefined ? '' : ` by the policy ${policy.slice(0, 12)}`
  return `${size} examples a question, ${method}${by}, seed ${seed}`
}

/** Pools of ids as pools of examples. */
export function poolsOfExamples(
  byQuery: ReadonlyMap<number, readonly number[]>,
  candidates: readonly Example[],
): Map<number, readonly Example[]> {
  const byId = new Map(candidates.map((example) => [example.id, example]))
  return new Map(Array.from(byQuery, ([query, ids]) => [query, ids.map((id) => byId.get(id)!)]))
}

/** Leakage in words. */
export function leakageWarnings({ imageInPool, imageInTraining }: EvaluationRecord['leakage']): string[] {
  return [
    ...(imageInPool > 0
      ? [`${imageInPool} questions have another question about their image in their pool`]
      : []),
    ...(imageInTraining > 0
      ? [
          `${imageInTraining} questions are about images of the pool's dataset or of the data that policies were trained on`,
        ]
      : []),
  ]
}
