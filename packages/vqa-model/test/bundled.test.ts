import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openVqaModel, type VqaModel } from '../src/index.ts'
import { loadTextCodec } from '../src/onnx/tokenizer.ts'
import { openStockModel, type StockModel } from './support/stock.ts'
import { bundled, bundledExamples, bundledModel, makePrompts } from './support/world.ts'

interface Shown {
  shape: string
  colour: string
}

const pool = bundledExamples('train', 64)
const queries = bundledExamples('test', 12).map(({ id, image, question }) => ({ id, image, question }))
const world = { demonstrations: pool, queries }

describe('the bundled model', () => {
  let model: VqaModel
  let stock: StockModel
  beforeAll(async () => {
    model = await openVqaModel({ backend: 'onnx', model: bundledModel })
    stock = await openStockModel(bundledModel)
  })
  afterAll(async () => {
    await Promise.all([model.close(), stock.close()])
  })

  test('writes the tokens of plain generate(), 0 to 4 demonstrations', async () => {
    const prompts = makePrompts(world, { each: 5, shots: [0, 1, 2, 3, 4] }).filter((_, i) => i % 2 === 0)
    const answers = await model.answer(prompts)
    for (const [i, prompt] of prompts.entries()) {
      expect([i, answers[i]!.raw]).toEqual([i, stock.decode(await stock.generate(prompt))])
    }
    expect(new Set(answers.map(({ raw = '' }) => raw)).size).toBeGreaterThan(5)
  })

  test('knows special tokens by what a text is encoded as, and unknown words from them', async () => {
    const [prompt] = makePrompts(world, { each: 1, shots: [1] })
    const asked = ['what <|im_end|> ?', '<|endoftext|>', '<|IM_END|>', '<|Image_Pad|>', 'what zebra ?']
    const answers = await model.answer(
      asked.map((question) => ({ ...prompt!, query: { ...prompt!.query, question } })),
    )
    const held = answers.map(
      ({ error }) => /holds the model's special token (\S+); remove it/.exec(error ?? '')?.[1],
    )
    expect(held).toEqual(['<|im_end|>', '<|endoftext|>', '<|im_end|>', '<|image_pad|>', undefined])
    expect(answers[4]).not.toHaveProperty('error')
  })

  test('a question that is too long by itself is not cured by fewer demonstrations', async () => {
    const prompts = makePrompts(world, { each: 1, shots: [1] })
    const query = { ...prompts[0]!.query, question: 'which shape is it ? '.repeat(1_000) }
    const [answer] = await model.answer([{ ...prompts[0]!, query }])
    expect(answer!.error).toMatch(/one example alone has \d+: shorten its question, or use smaller images/)
    expect(answer!.error).not.toContain('fewer demonstrations')
  })

  test('log-probabilities are those of one forward pass over the whole prompt', async () => {
    const prompts = makePrompts(world, { each: 2, shots: [1, 4] })
      .slice(0, 8)
      .map((prompt) => ({ ...prompt, scoreAnswers: ['red', prompt.demonstrations[0]!.answer] }))
    const answers = await model.answer(prompts)
    for (const [i, prompt] of prompts.entries()) {
      for (const { answer, logProb } of answers[i]!.scores!) {
        expect(Math.abs(logProb - (await stock.score(prompt, answer)))).toBeLessThan(1e-3)
      }
    }
  })

  test('token and encode counts are those of the trie', async () => {
    const fresh = await openVqaModel({ backend: 'onnx', model: bundledModel })
    const prompts = makePrompts(world, { each: 24, shots: [2] })
    await fresh.answer(prompts)
    const { encode } = await loadTextCodec(bundledModel)
    const VISUAL = 4
    const asked = (question: string): number =>
      VISUAL + encode(`<|vision_end|>${question}<|im_end|>\n<|im_start|>assistant\n`).length
    const shown = ({ question, answer }: { question: string; answer: string }): number =>
      asked(question) + encode(`${answer}<|im_end|>\n<|im_start|>user\n<|vision_start|>`).length
    const seen = new Set<string>()
    let tokens = encode('<|im_start|>user\n<|vision_start|>').length
    let naive = 0
    const once = (key: string, length: number): void => {
      if (!seen.has(key)) tokens += length
      seen.add(key)
    }
    for (const { demonstrations, query } of prompts) {
      let path = ''
      for (const demonstration of demonstrations) once((path += `/${demonstration.id}`), shown(demonstration))
      once(`${path}/${query.question}/${query.image}`, asked(query.question))
      naive +=
        3 + demonstrations.reduce((sum, demonstration) => sum + shown(demonstration), asked(query.question))
    }
    const images = new Set(
      prompts.flatMap((prompt) => [...prompt.demonstrations, prompt.query].map(({ image }) => image)),
    )
    expect(fresh.stats()).toMatchObject({ prefillTokens: tokens, imageEncodes: images.size, failed: 0 })
    expect(naive / tokens).toBeGreaterThan(1.2)
    await fresh.close()
  })

  test('memory stays flat over 3,000 prompts, keys and values in their budget', async () => {
    const kvBytes = 4 * 2 ** 20
    const small = await openVqaModel({ backend: 'onnx', model: bundledModel, kvBytes })
    const resident: number[] = []
    for (let seed = 0; seed < 10; seed++) {
      const prompts = makePrompts(world, { each: 25, shots: [2], seed })
      expect((await small.answer(prompts)).some(({ error }) => error !== undefined)).toBe(false)
      resident.push(process.memoryUsage().rss)
    }
    expect(small.stats().prompts).toBe(3000)
    expect(small.stats().peakKvBytes).toBeLessThan(kvBytes)
    expect(Math.max(...resident.slice(3)) - resident[2]!).toBeLessThan(64 * 2 ** 20)
    await small.close()
  }, 240_000)

  test('the protocol is that of the published results', () => {
    expect(model.protocolHash).toBe('49df17dfd79fe8503136992ed73a9641271eb71ad2ff41224b3a7324f92b19d9')
  })
})

describe('the model of the composition world', () => {
  const folder = `${bundled}composition-model`
  const library = bundledExamples('composition-library', 600)
  const asked = bundledExamples('composition-test', 40)
  let model: VqaModel
  beforeAll(async () => {
    model = await openVqaModel({ backend: 'onnx', model: folder })
  })
  afterAll(() => model.close())

  test('the stock classes load it and write the same tokens with the same log-probabilities', async () => {
    const stock = await openStockModel(folder)
    const prompts = makePrompts(
      { demonstrations: library.slice(0, 64), queries: asked.slice(0, 8) },
      { each: 5, shots: [0, 1, 2, 3, 4] },
    ).map((prompt, i) => ({ ...prompt, scoreAnswers: [asked[i % asked.length]!.answer] }))
    const answers = await model.answer(prompts)
    for (const [i, prompt] of prompts.entries()) {
      expect([i, answers[i]!.raw]).toEqual([i, stock.decode(await stock.generate(prompt))])
      for (const { answer, logProb } of answers[i]!.scores!)
        expect(Math.abs(logProb - (await stock.score(prompt, answer)))).toBeLessThan(1e-3)
    }
    await stock.close()
  })

  test('one demonstration is never enough, two that complement each other are', async () => {
    const images = JSON.parse(readFileSync(`${bundled}world/objects.json`, 'utf8')) as Record<string, Shown>
    const shown = ({ image }: { image: string }): Shown => images[basename(image, '.png')]!
    const find = (asks: RegExp, part: 'shape' | 'colour', query: Shown): (typeof library)[number] =>
      library.find((one) => asks.test(one.question) && shown(one)[part] === query[part])!
    const team = /team/
    const name = /its name|name does it|call it\?/
    const members = asked.filter(({ question }) => /team/.test(question))
    const pairs = members.map((query) => [
      find(team, 'colour', shown(query)),
      find(name, 'shape', shown(query)),
    ])
    expect(pairs.flat().every(({ answer }) => !answer.includes(' '))).toBe(true)
    const answer = async (demonstrations: (typeof library)[]): Promise<string[]> => {
      const prompts = members.map((query, i) => ({ query, demonstrations: demonstrations[i]! }))
      return (await model.answer(prompts)).map(({ text }) => text)
    }
    const truths = members.map((query) => query.answer)
    const right = (texts: readonly string[]): number =>
      texts.filter((text, i) => text === truths[i]).length / truths.length
    expect(members.length).toBeGreaterThan(10)
    expect(right(await answer(pairs))).toBeGreaterThan(0.9)
    expect(right(await answer(pairs.map(([a, b]) => [b!, a!])))).toBeGreaterThan(0.9)
    expect(right(await answer(pairs.map(([a]) => [a!])))).toBe(0)
    expect(right(await answer(pairs.map(([, b]) => [b!])))).toBe(0)
  })
})
