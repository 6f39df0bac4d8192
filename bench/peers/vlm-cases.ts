import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chatMessages, getTemplate, type ChatMessage, type PromptWithImages } from '@lever/vqa-model'
import { writeImages } from '../../packages/vqa-model/test/support/images.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FILES =
  'rgb.png rgba.png grey-alpha.png palette-alpha.png bits-1.png bits-16-rgb.png noise.gif cmyk.jpg progressive.jpg orientation-6.jpg lossy.webp alpha.webp rgb.tif bits-16-565.bmp'
const SIZES = [
  [1, 1],
  [28, 28],
  [29, 57],
  [90, 60],
  [640, 427],
  [480, 640],
  [777, 333],
  [37, 1000],
  [300, 20],
  [1024, 768],
] as const
/** What vocabularies are learnt from: records that do not change, so that the same models are made again. */
const CORPUS = [
  '0001-train-inside-onnx-runtime.md',
  '0002-partial-answers-of-the-bundled-world.md',
  '0003-ids-are-question-ids.md',
  '0004-select-by-ranked-reward.md',
  '0005-supervised-epochs-by-loss.md',
  '0006-plans-are-lines.md',
  '0007-images-by-their-bytes.md',
  '0008-expected-accuracy-keeps-its-field.md',
  '0009-server-package.md',
  '0010-two-builds.md',
]
const QUESTIONS = [
  'what is this ?',
  'Which colour is the largest thing',
  'how many?',
  'Is it a dog or a cat ?',
]
const ANSWERS = ['red', '2', 'a dog', 'yes', 'blue circle']

/**
 * Prompts of 0 to 3 demonstrations with images of many kinds and sizes, each image once as the query; the last eight
 * share their demonstrations. Written for Python as `cases.json`, as one turn and in turns.
 */
export async function writeCases(out: string): Promise<PromptWithImages[]> {
  const files = FILES.split(' ').map((name) => join(ROOT, 'fixtures/golden/pixels/images', name))
  const images = [...files, ...(await writeImages(join(out, 'images'), SIZES.length, SIZES))]
  const example = (id: number): PromptWithImages['demonstrations'][number] => ({
    id,
    image: images[id]!,
    question: QUESTIONS[id % QUESTIONS.length]!,
    answer: ANSWERS[id % ANSWERS.length]!,
  })
  const promptOf = (query: number, shown: readonly number[]): PromptWithImages => ({
    demonstrations: shown.map(example),
    query: example(query),
    scoreAnswers: [ANSWERS[query % ANSWERS.length]!],
  })
  const prompts = [
    ...images.map((_, i) =>
      promptOf(
        i,
        Array.from({ length: i % 4 }, (__, j) => (i * 5 + 7 * j + 1) % images.length),
      ),
    ),
    ...[1, 2, 4, 9, 15, 18, 19, 21].map((query) => promptOf(query, [3, 8])),
  ]
  const chat = (template: string, { demonstrations, query }: PromptWithImages): ChatMessage[] =>
    chatMessages(getTemplate(template), {
      questions: [...demonstrations, query].map(({ question }) => question),
      answers: demonstrations.map(({ answer }) => answer),
    })
  const cases = prompts.map((prompt) => ({
    messages: chat('lever-plus', prompt),
    turns: chat('shapes', prompt),
    images: [...prompt.demonstrations, prompt.query].map(({ image }) => image),
    answer: prompt.scoreAnswers![0]!,
  }))
  const corpus = await Promise.all(CORPUS.map((name) => readFile(join(ROOT, 'docs/decisions', name), 'utf8')))
  await writeFile(join(out, 'cases.json'), JSON.stringify({ corpus, cases }))
  return prompts
}
