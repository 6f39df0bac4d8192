import { join } from 'node:path'
import { readDataset, type Example } from '@lever/vqa-dataset'
import { openVqaModel, type Answer, type PromptTemplate, type VqaModel } from '@lever/vqa-model'

/*
 * npx tsx bench/real/ask-server.ts REAL_DIR http://127.0.0.1:8080/v1 [text | chat]: the same prompts of 0 to 3
 * demonstrations through a server of a text model and through the ONNX file of the same weights. Prints how many answers
 * are equal to the character, and those that are not. `text`: PICa's plain text, for a server whose chat template writes
 * the content of the message alone; `chat`: turns, which both sides put into the model's own chat template.
 */
const [data = 'real', baseUrl = 'http://127.0.0.1:8080/v1', form = 'text'] = process.argv.slice(2)
const PROMPTS = 64

const CHAT: PromptTemplate = {
  name: 'caption-chat',
  layout: 'turns',
  images: false,
  demonstration: '{context} {question}',
  query: '{context} {question}',
  system: 'Answer in one or two words.',
  stop: ['\n'],
  postprocess: 'first-line',
}

const library = await examplesOf('library')
const prompts = (await examplesOf('test')).slice(0, PROMPTS).map((query, i) => ({
  demonstrations: library.slice(i, i + (i % 4)),
  query,
}))
const template = form === 'chat' ? CHAT : 'caption'
const theirs = await answersOf(await openVqaModel({ backend: 'openai', baseUrl, template, concurrency: 2 }))
const ours = await answersOf(
  await openVqaModel({ backend: 'onnx', model: join(data, 'model'), template, threads: 1 }),
)
const unequal = ours.flatMap(({ raw, error }, i) => {
  const other = theirs[i]!
  return raw?.trim() === other.raw?.trim() && (error ?? other.error) === undefined
    ? []
    : [{ shots: i % 4, ours: error ?? raw, theirs: other.error ?? other.raw }]
})
process.stdout.write(`${form}: ${PROMPTS - unequal.length} of ${PROMPTS} answers equal\n`)
for (const one of unequal) process.stdout.write(`${JSON.stringify(one)}\n`)

async function examplesOf(split: string): Promise<readonly Example[]> {
  const { examples } = await readDataset({ questions: join(data, split, 'questions.jsonl') })
  return examples
}

async function answersOf(model: VqaModel): Promise<Answer[]> {
  try {
    return await model.answer(prompts)
  } finally {
    await model.close()
  }
}
