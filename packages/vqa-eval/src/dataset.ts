import type { QuestionId } from './question-id.ts'

/** A question with its human answers and its image. */
export interface VqaExample {
  /** The question id when all ids of the dataset are integers, else the row. */
  readonly id: number
  readonly questionId: number | string
  readonly imageId: number | string
  /** Absolute path; absent when no image folder was given or the file is not there. */
  readonly image?: string
  readonly question: string
  /** Empty when the dataset was read without annotations. */
  readonly answers: readonly string[]
  /** `multiple_choice_answer`, or the most frequent answer, or ''. */
  readonly answer: string
  readonly questionType: string
  readonly answerType: string
}

export interface VqaDataset {
  readonly name: string
  /** `data_subtype` of the questions file, such as `val2014`, unless given. */
  readonly split: string
  /** In the order of the questions file. */
  readonly examples: readonly VqaExample[]
  /** sha256 of the bytes of the questions file followed by those of the annotation file. */
  readonly hash: string
  /** Number of examples whose image file was not found; 0 when no image folder was given. */
  readonly missingImages: number
}

/** The most frequent text, the first of them on a tie; '' of none. */
export function mostFrequent(texts: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  let best = ''
  for (const [text, count] of counts) if (count > (counts.get(best) ?? 0)) best = text
  return best
}

/** Names under which the image of an id may be found; `%012d`, `%d` and `%s` in a pattern stand for the id. */
export function imageNames(id: QuestionId, split: string, pattern?: string): string[] {
  const padded = String(id).padStart(12, '0')
  if (pattern !== undefined) {
    return [
      pattern.replace(/%(?:0(\d+))?[ds]/g, (_, width?: string) =>
        String(id).padStart(Number(width ?? 0), '0'),
      ),
    ]
  }
  const prefix = `COCO_${/\d{4}$/.test(split) ? split : `${split}2014`}_`
  return ['', prefix, 'padded'].flatMap((kind) => {
    const stem = kind === '' ? String(id) : kind === 'padded' ? padded : prefix + padded
    return (kind === '' ? ['.png', '.jpg'] : ['.jpg', '.png']).map((extension) => stem + extension)
  })
}
