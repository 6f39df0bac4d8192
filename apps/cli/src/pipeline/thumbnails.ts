import type { ExamplesOptions, ReportExamples } from '@lever/icl-eval'
import type { Stage } from '../progress.ts'

/** Images that are shrunk at the same time. */
const TOGETHER = 32
/** The last question that is shown may begin just below the limit. */
const MARGIN = 100_000
/** Room that an image of good quality takes, in bytes. */
const GOOD = 3_200

/**
 * The examples browser with images of at most 96 pixels. Where the images of all questions do not fit, the
 * last questions are left out. An image that cannot be read is left out.
 */
export async function examplesWithImages(
  options: Omit<ExamplesOptions, 'thumbnail'> & { readonly imageBytes: number },
  stage: Stage,
): Promise<ReportExamples> {
  const { reportExamples } = await import('@lever/icl-eval')
  const { makeThumbnail } = await import('@lever/vqa-model')
  const wanted: string[] = []
  reportExamples({
    ...options,
    thumbnail({ image }) {
      if (image !== undefined) wanted.push(image)
      return undefined
    },
  })
  const quality = wanted.length * GOOD > options.imageBytes ? 40 : 75
  const images = new Map<string, string>()
  let bytes = 0
  for (let first = 0; first < wanted.length && bytes <= options.imageBytes + MARGIN; first += TOGETHER) {
    const batch = wanted.slice(first, first + TOGETHER)
    const made = await Promise.all(
      batch.map((path) => makeThumbnail(path, { quality }).catch(() => undefined)),
    )
    batch.forEach((path, i) => {
      const uri = made[i]
      if (uri === undefined) return
      images.set(path, uri)
      bytes += uri.length
    })
    stage.update(images.size)
  }
  return reportExamples({
    ...options,
    thumbnail: ({ image = '' }) => images.get(image),
  })
}
