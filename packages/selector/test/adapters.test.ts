import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { FewShotPromptTemplate, PromptTemplate } from '@langchain/core/prompts'
import { generateText, modelMessageSchema } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { promptFor, toModelMessages } from '../src/ai-sdk.ts'
import { openSelector, type OpenSelector } from '../src/index.ts'
import { LeverExampleSelector } from '../src/langchain.ts'
import { bundleOf, openSplit } from './support/world.ts'

let selector: OpenSelector
let question: string
let image: string

beforeAll(async () => {
  selector = await openSelector((await bundleOf(40)).folder, { writable: true })
  const [first] = (await openSplit('test', 1)).examples
  question = first!.question
  image = first!.image!
})
afterAll(() => selector.close())

test('a few-shot prompt of LangChain shows what the bundle chooses', async () => {
  const { demonstrations } = await selector.select({ question, image })
  const prompt = new FewShotPromptTemplate({
    exampleSelector: new LeverExampleSelector(selector),
    examplePrompt: PromptTemplate.fromTemplate('Q: {question} A: {answer}'),
    prefix: 'Answer shortly.',
    suffix: 'Q: {question} A:',
    inputVariables: ['question', 'image'],
    exampleSeparator: '\n',
  })
  const shown = demonstrations.map((one) => `Q: ${one.question} A: ${one.answer}`)
  expect(await prompt.format({ question, image })).toBe(
    ['Answer shortly.', ...shown, `Q: ${question} A:`].join('\n'),
  )
})

test('LangChain adds examples and names their values as it likes', async () => {
  const keys = { question: 'input', image: 'photo', answer: 'output' }
  const adapter = new LeverExampleSelector(selector, { keys, shots: 3, selector: 'rices-text' })
  const id = await adapter.addExample({ input: 'what is the zibfor of it?', output: 'none', photo: image })
  expect(await selector.example(Number(id))).toMatchObject({ answer: 'none', answers: ['none'] })
  const { image: other } = (await openSplit('test', 3)).examples[2]!
  const found = await adapter.selectExamples({ input: 'what is the zibfor of it?', photo: other! })
  expect(found.at(-1)).toMatchObject({ id, output: 'none', input: 'what is the zibfor of it?' })
  expect(Object.keys(found[0]!).sort()).toEqual(['id', 'input', 'output', 'photo'])
  await selector.remove(Number(id))
  await expect(adapter.selectExamples({ question })).rejects.toThrow('no text "input" but question')
})

test('the AI SDK takes the prompt and sends it to a model', async () => {
  const { messages, selection } = await promptFor(selector, { question, image }, { shots: 2 })
  for (const message of messages) expect(modelMessageSchema.safeParse(message).success).toBe(true)
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'user'])
  expect(await toModelMessages(selection)).toEqual(messages)
  const model = new MockLanguageModelV3({
    doGenerate: {
      content: [{ type: 'text', text: 'soup' }],
      finishReason: { unified: 'stop', raw: undefined },
      usage: {
        inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
        outputTokens: { total: 1, text: 1, reasoning: undefined },
      },
      warnings: [],
    },
  })
  expect((await generateText({ model, messages })).text).toBe('soup')
  const [call] = model.doGenerateCalls
  const parts = call!.prompt.flatMap(({ role, content }) => (role === 'user' ? content : []))
  expect(parts.filter(({ type }) => type === 'file')).toHaveLength(3)
  expect(parts.at(-1)).toMatchObject({ type: 'text', text: question })
  const answers = call!.prompt.flatMap(({ role, content }) => (role === 'assistant' ? content : []))
  expect(answers).toMatchObject(
    selection.demonstrations.map(({ answer }) => ({ type: 'text', text: answer })),
  )
})
