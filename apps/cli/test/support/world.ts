import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const WORLD = fileURLToPath(new URL('../../../../fixtures/shapes-vqa/world', import.meta.url))

interface Rows {
  questions: { question_id: number; image_id: number; question: string }[]
}
interface Answers {
  annotations: { question_id: number; image_id: number; multiple_choice_answer: string }[]
}

export interface SmallWorld {
  readonly folder: string
  readonly questions: Rows
  readonly annotations: Answers
}

/** The first `count` questions of a split of the bundled world as a dataset folder of its own. */
export function smallWorld(
  folder: string,
  split: string,
  count: number,
  { copyImages = false } = {},
): SmallWorld {
  const questions = read(join(WORLD, split, 'questions.json')) as Rows
  const annotations = read(join(WORLD, split, 'annotations.json')) as Answers
  questions.questions = questions.questions.slice(0, count)
  const ids = new Set(questions.questions.map(({ question_id }) => question_id))
  annotations.annotations = annotations.annotations.filter(({ question_id }) => ids.has(question_id))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'questions.json'), JSON.stringify(questions))
  writeFileSync(join(folder, 'annotations.json'), JSON.stringify(annotations))
  if (copyImages) {
    for (const { image_id } of questions.questions) {
      cpSync(join(WORLD, 'images', `${image_id}.png`), join(folder, 'images', `${image_id}.png`))
    }
  } else symlinkSync(join(WORLD, 'images'), join(folder, 'images'))
  return { folder, questions, annotations }
}

/** The same questions with `direct_answers`, which are scored as those of A-OKVQA. */
export function directWorld(folder: string, split: string, count: number): string {
  const { questions, annotations } = smallWorld(join(folder, 'official'), split, count)
  const rows = questions.questions.map(({ question, image_id }, i) => {
    const { multiple_choice_answer: answer } = annotations.annotations[i]!
    return JSON.stringify({
      question,
      image: `${image_id}.png`,
      direct_answers: Array<string>(10).fill(answer),
    })
  })
  symlinkSync(join(WORLD, 'images'), join(folder, 'images'))
  writeFileSync(join(folder, 'questions.jsonl'), rows.join('\n'))
  return folder
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
