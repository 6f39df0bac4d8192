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
/** Longest sides in pixels (a page shows 112, dense screens twice that) and qualities, the best first. */
const FITS = [
  { size: 224, quality: 70 },
  { size: 160, quality: 60 },
  { size: 112, quality: 60 },
  { size: 96, quality: 30 },
  { size: 80, quality: 30 },
  { size: 64, quality: 40 },
] as const
/** So many images are made at every size to see which size fits. */
const SAMPLE_IMAGES = 24

/**
 * The examples browser with images of at most 224 pixels, smaller where those of all questions would not fit. Where
 * even the smallest do not, the last questions are left out. An image that cannot be read is left out.
 */
export async function examplesWithImages(
  options: Omit<ExamplesOptions, 'thumbnail'> & { readonly imageBytes: number },
  thumbnail: Thumbnail | undefined,
  { onProgress, signal }: Reporting = {},
): Promise<ReportExamples> {
  if (thumbnail === undefined) return reportExamples({ ...options, thumbnail: () => undefined })
  const wanted = imagesOf(options)
  const { size, quality } = await fitOf(imagesOf({ ...options, more: [] }), options.imageBytes, thumbnail)
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

/** Files of the images that the page would show, in the order in which it asks for them. */
function imagesOf(options: Omit<ExamplesOptions, 'thumbnail'>): string[] {
  const wanted: string[] = []
  reportExamples({
    ...options,
    thumbnail({ image }) {
      if (image !== undefined) wanted.push(image)
      return undefined
    },
  })
  return wanted
}

/** The best size at which images, going by some of them all over the list, take at most `room` bytes together. */
async function fitOf(
  paths: readonly string[],
  room: number,
  thumbnail: Thumbnail,
): Promise<(typeof FITS)[number]> {
  const every = Math.max(1, Math.floor(paths.length / SAMPLE_IMAGES))
  const sample = paths.filter((_, i) => i % every === 0)
  for (const fit of FITS) {
    const uris = await Promise.all(sample.map((path) => thumbnail(path, fit).catch(() => '')))
    const bytes = uris.reduce((sum, uri) => sum + uri.length, 0)
    if (bytes * (paths.length / Math.max(1, sample.length)) <= room) return fit
  }
  return FITS.at(-1)!
}
