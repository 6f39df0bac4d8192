import { resolve } from 'node:path'
import type { Leakage } from '@lever/icl-eval'
import type { VqaDataset } from '@lever/vqa-dataset'
import type { VqaModel } from '@lever/vqa-model'
import type { DatasetFiles, DatasetPlace } from '../inputs/dataset.ts'
import type { StaticRecord } from './static-sets.ts'

/** What the manifest of a run keeps of its evaluation, besides what its files say: the report needs it. */
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
  /** How the selector `static-best` found its sets. */
  readonly static?: StaticRecord
  /** What else a reader must know before the figures. */
  readonly warnings?: readonly string[]
}

export interface DatasetRecord {
  readonly name: string
  readonly split: string
  readonly hash: string
  readonly examples: number
  /** Absolute paths. */
  readonly files: DatasetPlace
}

export interface ProtocolRecord {
  readonly model: string
  readonly backend: string
  readonly template: string
  readonly metric: string
  readonly hash: string
}

export function datasetRecord(
  { name, split, hash, examples }: VqaDataset,
  files: DatasetFiles,
): DatasetRecord {
  const { questions, annotations, images, split: chosen, skipMissingImages } = files
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

export function protocolRecord({ protocol, protocolHash }: VqaModel): ProtocolRecord {
  const { model, backend, template, metric } = protocol
  return { model, backend, template, metric, hash: protocolHash }
}

export function leakageRecord(leakage: Leakage): EvaluationRecord['leakage'] {
  const { imageInPool, imageInTraining, queryInTraining } = leakage
  return {
    imageInPool: imageInPool.length,
    imageInTraining: imageInTraining.length,
    queryInTraining: queryInTraining.length,
  }
}

/** How pools were made, in words. */
export function poolText({
  method,
  size,
  seed,
}: {
  method: string
  size: number
  seed: number | string
}): string {
  return `${size} examples a question, ${method}, seed ${seed}`
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
