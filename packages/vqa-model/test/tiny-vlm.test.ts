import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chatMessages, getTemplate, openVqaModel, type Answer, type PromptWithImages } from '../src/index.ts'
import { temporaryFolder } from './support/world.ts'

const FIXTURES = fileURLToPath(new URL('../../../fixtures/', import.meta.url))

interface Case {
  readonly images: readonly string[]
  readonly messages: ReturnType<typeof chatMessages>
  readonly answer: string
  readonly tokens: string
  readonly beams: string
  readonly logProb: number
}

const cases = JSON.parse(await readFile(`${FIXTURES}tiny-vlm/expected.json`, 'utf8')) as Case[]

/** The prompt whose chat the messages of a case are. */
function promptOf({ images, messages, answer }: Case): PromptWithImages {
  const texts = messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'text' ? [part.text] : [])),
  )
  const units = texts.map((text, id) => {
    const [, question = '', shown = ''] = /^Question:(.*) Short answer:(.*)$/.exec(text)!
    return { id, image: `${FIXTURES}golden/pixels/images/${images[id]!}`, question, answer: shown }
  })
  const { id, image, question } = units.at(-1)!
  return { demonstrations: units.slice(0, -1), query: { id, image, question }, scoreAnswers: [answer] }
}

const prompts = cases.map(promptOf)

async function answer(options: object): Promise<Answer[]> {
  const model = await openVqaModel({
    ...{ backend: 'onnx', model: `${FIXTURES}tiny-vlm`, template: 'lever-plus', threads: 1 },
    ...{ maxNewTokens: 8, cacheFolder: await temporaryFolder(), ...options },
  })
  try {
    return await model.answer(prompts)
  } finally {
    await model.close()
  }
}

test('the prompts are those of the fixture', () => {
  const template = getTemplate('lever-plus')
  for (const [i, { demonstrations, query }] of prompts.entries()) {
    const units = [...demonstrations, query]
    const texts = {
      questions: units.map(({ question }) => question),
      answers: demonstrations.map(({ answer: shown }) => shown),
    }
    expect(chatMessages(template, texts)).toEqual(cases[i]!.messages)
  }
  expect(new Set(prompts.map(({ demonstrations }) => demonstrations.length))).toEqual(new Set([0, 1, 2]))
})

test.each([true, false])(
  'answers and scores are those of PyTorch with its own pixels, shared %s',
  async (sharing) => {
    const found = await answer({ sharing })
    expect(found.map(({ raw }) => raw)).toEqual(cases.map(({ tokens }) => tokens))
    for (const [i, { scores }] of found.entries()) {
      expect(Math.abs(scores![0]!.logProb - cases[i]!.logProb)).toBeLessThan(1e-3)
    }
    expect(new Set(found.map(({ raw }) => raw)).size).toBeGreaterThan(4)
  },
)

test('answers by beam search are those of PyTorch', async () => {
  const found = await answer({ beams: 3 })
  expect(found.map(({ raw }) => raw)).toEqual(cases.map(({ beams }) => beams))
  expect(cases.some(({ tokens, beams }) => tokens !== beams)).toBe(true)
})
