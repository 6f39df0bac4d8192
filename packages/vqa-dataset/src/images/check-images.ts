import { printableLine } from '@lever/terminal'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Dataset } from '../dataset.ts'
import { placeOf } from '../joined.ts'
import { forEach } from './contents.ts'

/** An image that cannot be used. */
export interface ImageFault {
  /** Path of its file; for one that is not there, its path or id as the dataset has it. */
  readonly image: string
  readonly reason: string
  /** File of the questions. */
  readonly file: string
  /** The first question about it: `line 3`, `questions[2]` or `row 5`. */
  readonly place: string
  /** Questions about it. */
  readonly questions: number
}

/** What is wrong with the image files of a dataset. */
export interface ImageCheckup {
  /** Image files that the dataset has. */
  readonly files: number
  /** Files of them that were read. */
  readonly checked: number
  /** Images without a file; all are looked up. */
  readonly missing: number
  /** Of the files read. */
  readonly unreadable: number
  /** The first of both, in the order of the questions. */
  readonly first: readonly ImageFault[]
}

/** Which image files are read, and by what. */
export interface CheckImagesOptions {
  /** Rejects, with the reason, for a file that is no image. */
  readonly read: (path: string) => Promise<unknown>
  /** Chooses the files to read. Default: all. */
  readonly choose?: ((paths: readonly string[]) => readonly string[]) | undefined
}

export const CHECK_IMAGES_OPTIONS: OptionNames<CheckImagesOptions> = { read: true, choose: true }

/** Faults that are listed. */
const SHOWN = 20
/** Images that are read at a time. */
const AT_ONCE = 4

/** Reads images of a dataset, and says which cannot be read or have no file, and where the questions about them stand. */
export async function checkImages(
  { examples, source = '', places = { unit: 'questions' }, missingImages, missingFiles }: Dataset,
  options: CheckImagesOptions,
): Promise<ImageCheckup> {
  refuseUnknownOptions(options, CHECK_IMAGES_OPTIONS, 'vqa-dataset: checkImages')
  const { read, choose = (paths: readonly string[]) => paths } = options
  const files = new Map<string, number[]>()
  const missing = new Map<string, number[]>()
  examples.forEach(({ id, image, imageId }, at) => {
    if (image === undefined && missingImages === 0) return
    const [images, key] =
      image === undefined ? [missing, missingFiles?.get(id) ?? String(imageId)] : [files, image]
    const known = images.get(key)
    if (known === undefined) images.set(key, [at])
    else known.push(at)
  })
  const chosen = choose([...files.keys()])
  const reasons = new Map<string, string>()
  await forEach(chosen, AT_ONCE, async (path) => {
    try {
      await read(path)
    } catch (error) {
      reasons.set(path, `cannot be read: ${(error as Error).message}`)
    }
  })
  const faults = [
    ...Array.from(missing, ([image, at]) => ({ image, reason: 'not found', at })),
    ...Array.from(reasons, ([image, reason]) => ({ image, reason, at: files.get(image)! })),
  ].sort((a, b) => a.at[0]! - b.at[0]!)
  return {
    files: files.size,
    checked: chosen.length,
    missing: missing.size,
    unreadable: reasons.size,
    first: faults.slice(0, SHOWN).map(({ at, ...fault }) => ({
      ...fault,
      file: source,
      place: placeOf(places, at[0]!),
      questions: at.length,
    })),
  }
}

/** For people. */
export function formatImageCheckup({ files, checked, missing, unreadable, first }: ImageCheckup): string {
  const sample = checked < files ? ', a random sample; --all-images reads all' : ''
  const more = missing + unreadable - first.length
  return [
    `image files read: ${checked} of ${files}${sample}`,
    missing + unreadable === 0
      ? 'all of them can be read'
      : `unreadable image files: ${unreadable}; images without a file: ${missing}`,
    ...first.map(
      ({ file, place, image, reason, questions }) =>
        `  ${printableLine(`${file}: ${place}: ${image}: ${reason}`)}${questions > 1 ? ` (${questions} questions)` : ''}`,
    ),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n')
}
