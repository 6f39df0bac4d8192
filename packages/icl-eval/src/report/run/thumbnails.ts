import type { Reporting } from '../../progress.ts'
import { reportExamples } from '../examples.ts'
import type { ExamplesOptions, ReportExamples } from '../examples.ts'

/** Makes a small image for the page, as a data URI; the `makeThumbnail` of `vqa-model` is one. */
export type Thumbnail = (
  path: string,
  options: { readonly size: number; readonly quality: number },
) => Promise<string>

/** Images that are shrunk at the same time. */
const CONCURRENT_IMAGES = 32
/** The last question that is shown may begin just below the limit. */
const MARGIN_BYTES = 100_000
/** Sizes and qualities, and the bytes that a photo then has as a data URI. */
const FITS = [
  { bytes: 3400, size: 96, quality: 75 },
  { bytes: 2000, size: 96, quality: 30 },
  { bytes: 1400, size: 80, quality: 30 },
  { bytes: 0, size: 64, quality: 40 },
] as const

/**
 * The examples browser with images of at most 96 pixels, smaller where there are many. Where the images of all
 * questions do not fit, the last questions are left out. An image that cannot be read is left out.
 */
export async function examplesWithImages(
  options: Omit<ExamplesOptions, 'thumbnail'> & { readonly imageBytes: number },
  thumbnail: Thumbnail | undefined,
  { onProgress, signal }: Reporting = {},
): Promise<ReportExamples> {
  if (thumbnail === undefined) return reportExamples({ ...options, thumbnail: () => undefined })
  const wanted: string[] = []
  reportExamples({
    ...options,
    thumbnail({ image }) {
      if (image !== undefined) wanted.push(image)
      return undefined
    },
  })
  const { size, quality } = FITS.find(({ bytes: each }) => wanted.length * each <= options.imageBytes)!
  const images = new Map<string, string>()
  let bytes = 0
  for (
    let first = 0;
    first < wanted.length && bytes <= options.imageBytes + MARGIN_BYTES;
    first += CONCURRENT_IMAGES
  ) {
    signal?.throwIfAborted()
    const batch = wanted.slice(first, first + CONCURRENT_IMAGES)
    const made = await Promise.all(
      batch.map((path) => thumbnail(path, { size, quality }).catch(() => undefined)),
    )
    batch.forEach((path, i) => {
      const uri = made[i]
      if (uri === undefined) return
      images.set(path, uri)
      bytes += uri.length
    })
    onProgress?.({ stage: 'thumbnails', done: images.size, unit: 'images' })
  }
  onProgress?.({ stage: 'thumbnails', done: images.size, unit: 'images', ended: true })
  return reportExamples({
    ...options,
    thumbnail: ({ image = '' }) => images.get(image),
  })
}
