import { open, stat } from 'node:fs/promises'
import { startsLikeJournal } from '@lever/durable-files'
import type { Dataset, DatasetDescription, IdentityDescription, ImageLeakage } from '@lever/vqa-dataset'
import type { DatasetPlace } from './dataset.ts'
import { filesOf, identify, readFiles } from './dataset.ts'

/** One dataset, or several with what they share. */
export interface DescribedDatasets {
  readonly json: (
    DatasetDescription | { datasets: DatasetDescription[]; leakage: readonly ImageLeakage[] }
  ) & { readonly identity?: IdentityDescription }
  readonly text: string
}

/** Describes datasets, which image files show one picture and, of several, which images two of them share. */
export async function describeDatasets(places: readonly DatasetPlace[]): Promise<DescribedDatasets> {
  const { describeDataset, describeIdentity, formatDataset, formatIdentity, formatLeakage, leakageBetween } =
    await import('@lever/vqa-dataset')
  const read: Dataset[] = []
  for (const place of places) read.push(await readFiles(await filesOf(place)))
  const names = read.map(({ name }, i) => places[i]!.dataset ?? places[i]!.questions ?? name)
  const identified = await identify(read, true)
  const { datasets } = identified
  const hasImages = datasets.some(({ examples }) => examples.some(({ image }) => image !== undefined))
  const identity = hasImages ? describeIdentity(identified) : undefined
  const shown = identity ? [formatIdentity(identity)] : []
  const descriptions = datasets.map(describeDataset)
  const texts = descriptions.map(formatDataset)
  if (places.length === 1)
    return {
      json: { ...descriptions[0]!, ...(identity && { identity }) },
      text: [texts[0]!, ...shown].join('\n\n'),
    }
  const leakage = leakageBetween(datasets)
  return {
    json: { datasets: descriptions, leakage, ...(identity && { identity }) },
    text: [...texts.map((text, i) => `${names[i]!}\n${text}`), ...shown, formatLeakage(leakage, names)].join(
      '\n\n',
    ),
  }
}

/** Whether a path is a dataset rather than RL data: a folder, parquet, or a file that begins as one of questions does. */
export async function isDataset(path: string): Promise<boolean> {
  if (/\.parquet$/i.test(path)) return true
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.isDirectory()) return found !== undefined
  if (/\.gz$/i.test(path)) return false
  const head = await headOf(path)
  if (/\.(jsonl|ndjson)$/i.test(path)) return !startsLikeJournal(head)
  return /^\s*(\[|\{\s*"(info|task_type|data_type|data_subtype|license|questions)")/.test(head)
}

async function headOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}
