import { join } from 'node:path'
import { readJson } from '@lever/durable-files'
import type { DatasetRecord, ReportSources } from '@lever/icl-eval'
import type { PilotReport } from '@lever/rl-generate'
import { exists } from '../../files.ts'
import type { Progress } from '@lever/terminal'
import { openDataset } from '../inputs/dataset.ts'

/** Where datasets lie, when not where the runs found them. */
export interface ReportPlaces {
  readonly dataset?: string | undefined
  readonly poolDataset?: string | undefined
}

/** What the report of a run reads besides its folder: the datasets, small images, the ranking of a sweep. */
export async function reportSources(progress: Progress, places: ReportPlaces = {}): Promise<ReportSources> {
  const { readRanking } = await import('@lever/grpo-trainer')
  const { pilotTables } = await import('@lever/rl-generate')
  const { makeThumbnail } = await import('@lever/vqa-model')
  const { dataset, poolDataset = dataset } = places
  return {
    thumbnail: makeThumbnail,
    readRanking,
    readPilot: async (path) => pilotTables((await readJson(join(path, 'pilot.json'))) as PilotReport),
    openDataset: (record, role) => openAgain(record, role === 'pool' ? poolDataset : dataset, progress),
  }
}

async function openAgain(
  { files, hash }: DatasetRecord,
  folder: string | undefined,
  progress: Progress,
): ReturnType<NonNullable<ReportSources['openDataset']>> {
  const { questions = '' } = files
  if (folder === undefined && !(await exists(questions))) {
    progress.warn(`${questions || 'the dataset'} is gone, so there are no examples; give --dataset`)
    return undefined
  }
  const dataset = await openDataset(folder === undefined ? files : { dataset: folder }, progress)
  if (dataset.hash === hash) return dataset
  progress.warn(`the dataset in ${folder ?? questions} is not the one of the run; there are no examples`)
  return undefined
}
