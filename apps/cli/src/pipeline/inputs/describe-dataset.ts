import { open, stat } from 'node:fs/promises'
import { startsLikeJournal } from '@lever/durable-files'
import type {
  Dataset,
  DatasetDescription,
  IdentifiedImages,
  IdentityDescription,
  ImageCheckup,
  ImageLeakage,
  LookAt,
} from '@lever/vqa-dataset'
import type { DatasetPlace } from './dataset.ts'
import { filesOf, identify, imageFilesOf, readFiles } from './dataset.ts'

/** A dataset and, where it has images, whether they can be read. */
type Description = DatasetDescription & { readonly imageCheck?: ImageCheckup }

/** One dataset, or several with what they share. */
export interface DescribedDatasets {
  readonly json: (Description | { datasets: Description[]; leakage: readonly ImageLeakage[] }) & {
    readonly identity?: IdentityDescription
  }
  readonly text: string
}

/** Image files of a dataset that are read where not all are. */
const SAMPLED_IMAGES = 200
const SAMPLE_SEED = 0

/**
 * Describes datasets, which images cannot be read, which image files show one picture and, of several, which images two
 * of them share. With many images, a sample is read, and those that look alike are not looked for, unless all are asked
 * for.
 */
export async function describeDatasets(
  places: readonly DatasetPlace[],
  allImages = false,
): Promise<DescribedDatasets> {
  const {
    describeDataset,
    describeIdentity,
    formatDataset,
    formatIdentity,
    formatImageCheckup,
    formatLeakage,
    leakageBetween,
  } = await import('@lever/vqa-dataset')
  const read: Dataset[] = []
  for (const place of places) read.push(await readFiles(await filesOf(place)))
  const names = read.map(({ name }, i) => places[i]!.dataset ?? places[i]!.questions ?? name)
  const { identified, isWhole, checks } = await lookAtImages(read, allImages)
  const { datasets } = identified
  const identity = imageFilesOf(datasets).size > 0 ? describeIdentity(identified, isWhole) : undefined
  const shown = identity ? [formatIdentity(identity)] : []
  const descriptions = datasets.map((dataset, i) => ({
    ...describeDataset(dataset),
    ...(checks[i] && { imageCheck: checks[i] }),
  }))
  const texts = descriptions.map((one) =>
    [formatDataset(one), ...(one.imageCheck ? [formatImageCheckup(one.imageCheck)] : [])].join('\n\n'),
  )
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

/** Which files show one picture, and which cannot be read; each file is decoded once for both. */
async function lookAtImages(
  read: readonly Dataset[],
  allImages: boolean,
): Promise<{
  identified: IdentifiedImages<Dataset>
  isWhole: boolean
  checks: (ImageCheckup | undefined)[]
}> {
  const [{ checkImages, NEAR_IMAGES }, { lookAtImage }, { createRandom }] = await Promise.all([
    import('@lever/vqa-dataset'),
    import('@lever/vqa-model'),
    import('@lever/reward-utils'),
  ])
  const seen = new Map<string, Error | undefined>()
  const look: LookAt = async (path) => {
    let reason: Error | undefined
    const pixels = await lookAtImage(path, (error) => (reason = new Error((error.cause as Error).message)))
    seen.set(path, reason)
    return pixels
  }
  const isWhole = allImages || imageFilesOf(read).size <= NEAR_IMAGES
  const identified = await identify(read, isWhole, look)
  const twins = new Map(identified.same.flatMap(({ paths }) => paths.map((path) => [path, paths[0]!])))
  const check = async (path: string): Promise<void> => {
    const first = twins.get(path) ?? path
    // Looks that the cache keeps are of files that could be read.
    if (!isWhole && !seen.has(first)) await look(first)
    const error = seen.get(first)
    if (error) throw error
  }
  const choose = (paths: readonly string[]): readonly string[] =>
    isWhole
      ? paths
      : createRandom(SAMPLE_SEED, 'images').sample(paths, Math.min(SAMPLED_IMAGES, paths.length))
  const checks: (ImageCheckup | undefined)[] = []
  for (const dataset of identified.datasets) {
    const hasImages = dataset.missingImages > 0 || imageFilesOf([dataset]).size > 0
    checks.push(hasImages ? await checkImages(dataset, { read: check, choose }) : undefined)
  }
  return { identified, isWhole, checks }
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
