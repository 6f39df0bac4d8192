import type { ExamplesOptions, ReportExamples } from '@lever/icl-eval'
import type { Stage } from '../progress.ts'

/** Images that are shrunk at the same time. */
const TOGETHER = 32
/** Room for the images in a page of less than 5 MB, in bytes. */
const BUDGET = 3_800_000
/** So many images fit at good quality. */
const FEW = 1200

/**
 * The examples browser with images of at most 96 pixels. Where the images of all questions do not fit, the
 * last questions are left out. An image that cannot be read is left out.
 */
export async function examplesWithImages(
  options: Omit<ExamplesOptions, 'thumbnail' | 'imageBytes'>,
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
  const quality = wanted.length > FEW ? 40 : 75
  const images = new Map<string, string>()
  let bytes = 0
  for (let first = 0; first < wanted.length && bytes <= BUDGET; first += TOGETHER) {
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
    imageBytes: BUDGET - 100_000,
    thumbnail: ({ image = '' }) => images.get(image),
  })
}
