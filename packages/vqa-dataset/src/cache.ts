import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomic } from './atomic.ts'
import type { Joined, JoinedRow } from './joined.ts'

/** Changes when the meaning of a cached file does. */
const VERSION = 3

/**
 * What `read` gives, kept in `<folder>/datasets/<key>.json` under the hash of what it was read from. A file that is
 * damaged, or of another key or version, is as if it were not there; a folder that cannot be written is a notice.
 */
export async function cachedJoin(
  folder: string | undefined,
  source: unknown,
  read: () => Promise<Joined>,
): Promise<Joined> {
  if (folder === undefined) return read()
  const key = sha256(JSON.stringify([VERSION, source]))
  const path = join(folder, 'datasets', `${key}.json`)
  const known = await readFile(path, 'utf8').then(
    (text) => decode(text, key),
    () => undefined,
  )
  if (known !== undefined) return known
  const joined = await read()
  try {
    await mkdir(join(folder, 'datasets'), { recursive: true })
    await writeAtomic(path, encode(joined, key))
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    const notice = `the joined form cannot be kept in ${folder} (${why}), and is made again every time`
    return { ...joined, notices: [...joined.notices, notice] }
  }
  return joined
}

interface Columns extends Omit<Joined, 'rows'> {
  /** Every text once; rows hold their places. */
  readonly texts: readonly string[]
  readonly rows: readonly PackedRow[]
}

type PackedRow = readonly [
  questionId: number | string,
  imageId: number | string,
  question: string,
  answers: readonly number[],
  answer: number,
  questionType: number,
  answerType: number,
  more?: Pick<JoinedRow, 'image' | 'context' | 'choices' | 'correctChoice' | 'difficult'>,
]

function encode({ rows, ...head }: Joined, key: string): string {
  const places = new Map<string, number>()
  const place = (text: string): number => {
    const known = places.get(text)
    if (known !== undefined) return known
    places.set(text, places.size)
    return places.size - 1
  }
  const packed = rows.map(
    ({ questionId, imageId, question, answers, answer, questionType, answerType, ...more }): PackedRow => {
      const fields = [answers.map(place), place(answer), place(questionType), place(answerType)] as const
      return Object.keys(more).length === 0
        ? [questionId, imageId, question, ...fields]
        : [questionId, imageId, question, ...fields, more]
    },
  )
  const columns: Columns = { ...head, texts: [...places.keys()], rows: packed }
  const body = JSON.stringify(columns)
  return `${JSON.stringify({ key, sha256: sha256(body) })}\n${body}`
}

function decode(text: string, key: string): Joined | undefined {
  const end = text.indexOf('\n')
  const body = text.slice(end + 1)
  try {
    const head = JSON.parse(text.slice(0, end)) as { key?: unknown; sha256?: unknown }
    if (head.key !== key || head.sha256 !== sha256(body)) return undefined
  } catch {
    return undefined
  }
  const { texts, rows, ...rest } = JSON.parse(body) as Columns
  return {
    ...rest,
    rows: rows.map(([questionId, imageId, question, answers, answer, questionType, answerType, more]) => ({
      questionId,
      imageId,
      question,
      answers: answers.map((one) => texts[one]!),
      answer: texts[answer]!,
      questionType: texts[questionType]!,
      answerType: texts[answerType]!,
      ...more,
    })),
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
