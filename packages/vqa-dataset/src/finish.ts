import { InputError } from '@lever/durable-files'
import { explainRepeats, type QuestionId } from '@lever/vqa-eval'
import type { Dataset } from './dataset.ts'
import type { Example } from './example.ts'
import type { ImageFinder } from './images/finder.ts'
import { placeOf, type Joined } from './joined.ts'

export interface FinishOptions {
  readonly form: Dataset['form']
  /** Path of the questions, for messages. */
  readonly source: string
  readonly hash: string
  readonly keepDifficult: boolean
  readonly findImage: ImageFinder | null
  /** Where images are looked for, for messages. */
  readonly images: string
}

/**
 * Gives the rows their ids and images. Where every row has a context, none names a file and none has one, no image is
 * missing: it is a dataset of texts.
 * @throws InputError if a question id is given twice, or an image is one that must not be read
 */
export function finishDataset(
  joined: Joined,
  { form, source, hash, keepDifficult, findImage, images }: FinishOptions,
): Dataset {
  const { metric, name, split, rows } = joined
  checkDistinct(joined, source)
  const integers = rows.every(({ questionId }) => Number.isSafeInteger(questionId) && Number(questionId) >= 0)
  const examples: Example[] = []
  const missing = new Map<number | string, string>()
  const missingFiles = new Map<number, string>()
  const at: number[] = []
  let [missingImages, difficult, found] = [0, 0, 0]
  rows.forEach((row, place) => {
    const { image: given, difficult: isDifficult, ...fields } = row
    if (isDifficult === true && !keepDifficult) {
      difficult += 1
      return
    }
    const image = findImage?.(
      row.imageId,
      given,
      () => `vqa-dataset: ${source}: ${placeOf(joined.places, place)}`,
    )
    const id = integers ? (row.questionId as number) : place
    if (image !== undefined) found += 1
    if (findImage !== null && image === undefined) {
      missingImages += 1
      if (given !== undefined) missingFiles.set(id, given)
      missing.set(row.imageId, given ?? String(row.imageId))
    }
    at.push(joined.places.at?.[place] ?? place)
    examples.push({
      id,
      ...fields,
      ...(image !== undefined && { image }),
      ...(metric === 'aokvqa' && { metric }),
    })
  })
  if (found === 0 && missingFiles.size === 0 && examples.every(({ context }) => context !== undefined)) {
    missingImages = 0
  }
  const notices = [...joined.notices]
  if (difficult > 0) {
    notices.push(`${difficult} of ${rows.length} questions are marked difficult_direct_answer and left out`)
  }
  if (missingImages > 0) {
    notices.push(
      `${missingImages} of ${examples.length} questions have no image in ${images}: ${firstIds([...missing.values()])}`,
    )
  }
  return {
    form,
    name,
    split,
    examples,
    hash,
    missingImages,
    ...(missingFiles.size > 0 && { missingFiles }),
    notices,
    source,
    places: { unit: joined.places.unit, at },
  }
}

/** The first ten ids and how many follow. */
export function firstIds(ids: readonly QuestionId[], limit = 10): string {
  const first = ids.slice(0, limit).map(String).join(', ')
  return ids.length > limit ? `${first} and ${ids.length - limit} more` : first
}

function checkDistinct({ rows, places }: Joined, source: string): void {
  const repeats = explainRepeats(
    rows.map(({ questionId }) => questionId),
    (row) => placeOf(places, row),
  )
  if (repeats !== undefined) throw new InputError(`vqa-dataset: ${source}: ${repeats}; keep one`)
}
