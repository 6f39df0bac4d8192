import { beforeAll, describe, expect, test } from '@jest/globals'
import {
  openVqaModel,
  type OnnxOptions,
  type Answer,
  type VqaModel,
  type PromptWithImages,
} from '../src/index.ts'
import { openStockModel } from './support/stock.ts'
import { writeTinyModel, type TinyModelOptions } from './support/tiny-model.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

const MIXED = [
  [56, 56],
  [84, 56],
  [90, 60],
] as const

const KINDS: TinyModelOptions[] = [
  { kind: 'qwen2_vl', attention: 'matmul', tokenizer: 'words', logitsToKeep: 'block' },
  { kind: 'qwen2_5_vl', attention: 'matmul', tokenizer: 'bytes' },
  { kind: 'qwen2_vl', attention: 'gqa', tokenizer: 'bytes', logitsToKeep: 'head' },
  { kind: 'qwen2_5_vl', attention: 'gqa', tokenizer: 'words' },
]

let world: Awaited<ReturnType<typeof makeWorld>>
beforeAll(async () => {
  world = await makeWorld({ demonstrations: 9, queries: 5, sizes: MIXED })
})

async function answersOf(
  prompts: readonly PromptWithImages[],
  options: OnnxOptions,
): Promise<{ answers: Answer[]; stats: ReturnType<VqaModel['stats']> }> {
  const model = await openVqaModel({ backend: 'onnx', template: 'shapes', ...options })
  try {
    return { answers: await model.answer(prompts), stats: model.stats() }
  } finally {
    await model.close()
  }
}

const raws = (answers: readonly Answer[]): string[] => answers.map(({ raw = '' }) => raw)

describe.each(KINDS)('$kind, $attention, tokenizer of $tokenizer', (kind) => {
  let folder: string
  beforeAll(async () => {
    folder = await writeTinyModel(await temporaryFolder(), kind)
  })

  test('answers and scores are those of plain generate() and forward(), 0 to 4 demonstrations', async () => {
    const scoreAnswers = ['red', 'blue circle', 'green']
    const prompts = makePrompts(world, { each: 5, shots: [0, 1, 2, 3, 4] })
      .filter((_, i) => i % 3 === 0)
      .map((prompt) => ({
        ...prompt,
        scoreAnswers,
      }))
    const { answers } = await answersOf(prompts, { model: folder })
    const stock = await openStockModel(folder)
    for (const [i, prompt] of prompts.entries()) {
      expect([i, answers[i]!.raw]).toEqual([i, stock.decode(await stock.generate(prompt))])
      if (i % 5 !== 0) continue
      for (const { answer, logProb } of answers[i]!.scores!) {
        expect(Math.abs(logProb - (await stock.score(prompt, answer)))).toBeLessThan(1e-3)
      }
    }
    await stock.close()
  })

  test.each(['shapes', 'lever-plus-system'] as const)('%s: sharing changes nothing', async (template) => {
    const prompts = makePrompts(world, { each: 6, shots: [0, 2, 3] })
      .concat(makePrompts(world, { each: 1, shots: [1] }))
      .map((prompt, i) => ({ ...prompt, ...(i % 2 === 0 ? { scoreAnswers: ['red a', 'blue', ''] } : {}) }))
    const shared = await answersOf(prompts, { model: folder, template })
    const plain = await answersOf(prompts, { model: folder, template, sharing: false })
    expect(raws(shared.answers)).toEqual(raws(plain.answers))
    expect(new Set(raws(plain.answers)).size).toBeGreaterThan(8)
    for (const [i, { scores }] of shared.answers.entries()) {
      expect(scores?.map(({ tokens }) => tokens)).toEqual(
        plain.answers[i]!.scores?.map(({ tokens }) => tokens),
      )
      for (const [j, { logProb }] of (scores ?? []).entries()) {
        expect(Math.abs(logProb - plain.answers[i]!.scores![j]!.logProb)).toBeLessThan(1e-3)
      }
    }
    expect(shared.stats.prefillTokens).toBeLessThan(plain.stats.prefillTokens)
    if (kind.attention === 'matmul')
      expect(shared.stats.decoderRuns).toBeLessThan(plain.stats.decoderRuns / 3)
  })
})

describe('scores only', () => {
  /** Scores of both ways, with what differs in the work. */
  async function both(options: OnnxOptions, scoreAnswers: readonly string[]): Promise<void> {
    const prompts = makePrompts(world, { each: 6, shots: [0, 2, 3] }).map((prompt) => ({
      ...prompt,
      scoreAnswers,
    }))
    const model = await openVqaModel({ backend: 'onnx', template: 'shapes', ...options })
    const answers = await model.answer(prompts)
    const before = model.stats()
    const alone = await model.answer(prompts, { scoresOnly: true })
    const after = model.stats()
    await model.close()
    expect(alone).toEqual(answers.map(({ scores }) => ({ text: '', raw: '', scores })))
    expect(after.decodeSteps).toBe(before.decodeSteps)
    expect(before.decodeSteps).toBeGreaterThan(0)
    expect(after.prefillTokens).toBe(2 * before.prefillTokens)
    expect(after.decoderRuns).toBeLessThan(2 * before.decoderRuns)
    expect(after.prompts).toBe(2 * prompts.length)
  }

  test.each<[string, TinyModelOptions, Partial<OnnxOptions>]>([
    ['batches', { attention: 'matmul', logitsToKeep: 'block' }, {}],
    ['small batches', { attention: 'matmul' }, { batchRows: 3, batchTokens: 64, kvBytes: 60_000 }],
    ['no batches', { attention: 'gqa' }, {}],
    ['nothing shared', { attention: 'matmul' }, { sharing: false }],
    ['three beams', { attention: 'matmul' }, { beams: 3 }],
    ['three beams, no batches', { attention: 'gqa' }, { beams: 3 }],
    ['workers', { attention: 'matmul' }, { workers: 2 }],
  ])('are those of answering, to the last bit, without a step: %s', async (_, kind, options) => {
    const folder = await writeTinyModel(await temporaryFolder(), kind)
    await both({ model: folder, ...options }, ['red'])
    await both({ model: folder, ...options }, ['red a', 'blue', ''])
  })

  test('are refused for a prompt without answers to score', async () => {
    const folder = await writeTinyModel(await temporaryFolder())
    const model = await openVqaModel({ backend: 'onnx', model: folder })
    const [prompt] = makePrompts(world, { each: 1, shots: [1] })
    const asked = [
      { ...prompt!, scoreAnswers: ['red'] },
      { ...prompt!, scoreAnswers: [] },
    ]
    await expect(model.answer(asked, { scoresOnly: true })).rejects.toThrow(
      'prompt 1 of the call has no scoreAnswers',
    )
    expect(await model.answer([], { scoresOnly: true })).toEqual([])
    await model.close()
  })
})

describe('one model', () => {
  let folder: string
  beforeAll(async () => {
    folder = await writeTinyModel(await temporaryFolder(), KINDS[0])
  })

  test('small budgets change the batches and nothing else', async () => {
    const prompts = makePrompts(world, { each: 10, shots: [2, 3] })
    const { answers, stats } = await answersOf(prompts, { model: folder })
    const kvBytes = 60_000
    const small = await answersOf(prompts, {
      model: folder,
      batchRows: 3,
      batchTokens: 64,
      kvBytes,
      imageBytes: 5000,
    })
    expect(raws(small.answers)).toEqual(raws(answers))
    expect(small.stats.prefillTokens).toBe(stats.prefillTokens)
    expect(small.stats.peakKvBytes).toBeLessThan(kvBytes)
    expect(stats.peakKvBytes).toBeGreaterThan(kvBytes)
    expect(small.stats.imageEncodes).toBeGreaterThan(stats.imageEncodes)
    expect(stats.imageEncodes).toBe(world.images.length)
  })

  test('scoring many answers stays in the budget of keys and values', async () => {
    const scoreAnswers = ['red', 'blue', 'green circle', 'a', 'it is', 'what', 'team', 'food'].map(
      (word) => `${word} a`,
    )
    const prompts = makePrompts(world, { each: 10, shots: [2, 3] }).map((prompt) => ({
      ...prompt,
      scoreAnswers,
    }))
    const kvBytes = 60_000
    const small = await answersOf(prompts, { model: folder, kvBytes })
    const large = await answersOf(prompts, { model: folder })
    expect(small.stats.peakKvBytes).toBeLessThan(kvBytes)
    expect(large.stats.peakKvBytes).toBeGreaterThan(kvBytes)
    expect(raws(small.answers)).toEqual(raws(large.answers))
    for (const [i, { scores }] of small.answers.entries()) {
      for (const [j, { logProb }] of scores!.entries()) {
        expect(Math.abs(logProb - large.answers[i]!.scores![j]!.logProb)).toBeLessThan(1e-4)
      }
    }
  })

  test('a right first answer saves its steps', async () => {
    const prompts = makePrompts(world, { each: 4, shots: [2] })
    const { answers, stats } = await answersOf(prompts, { model: folder })
    const drafted = prompts.map((prompt, i) => ({ ...prompt, scoreAnswers: [answers[i]!.raw!] }))
    const again = await answersOf(drafted, { model: folder })
    expect(raws(again.answers)).toEqual(raws(answers))
    expect(again.stats.decodeSteps).toBeLessThan(stats.decodeSteps / 3)
    expect(again.stats.prefillTokens).toBe(stats.prefillTokens)
  })

  test('equal prompts are answered once', async () => {
    const [prompt] = makePrompts(world, { each: 1, shots: [2] })
    const one = await answersOf([prompt!], { model: folder })
    const five = await answersOf([prompt!, prompt!, prompt!, prompt!, prompt!], { model: folder })
    expect(five.stats.prefillTokens).toBe(one.stats.prefillTokens)
    expect(new Set(raws(five.answers)).size).toBe(1)
    expect(five.stats.prompts).toBe(5)
  })

  test('maxNewTokens cuts the answer; one token needs no step', async () => {
    const prompts = makePrompts(world, { each: 2, shots: [1] })
    const five = await answersOf(prompts, { model: folder })
    const one = await answersOf(prompts, { model: folder, maxNewTokens: 1 })
    expect(one.stats.decodeSteps).toBe(0)
    for (const [i, { raw }] of one.answers.entries())
      expect(five.answers[i]!.raw!.startsWith(raw!)).toBe(true)
  })

  test('pixel limits change the tokens and the protocol', async () => {
    const prompts = makePrompts(world, { each: 1, shots: [1] })
    const own = await openVqaModel({ backend: 'onnx', model: folder })
    const small = await openVqaModel({ backend: 'onnx', model: folder, pixels: { max: 3136 } })
    await own.answer(prompts)
    await small.answer(prompts)
    expect(small.protocol.pixels).toEqual({ min: 3136, max: 3136, resizer: 'pillow bicubic' })
    expect(small.protocolHash).not.toBe(own.protocolHash)
    expect(small.stats().prefillTokens).toBeLessThan(own.stats().prefillTokens)
    await Promise.all([own.close(), small.close()])
  })

  test('a text with a special token fails its outcome', async () => {
    const prompts = makePrompts(world, { each: 1, shots: [1] })
    prompts[0] = { ...prompts[0]!, query: { ...prompts[0]!.query, question: 'what <|im_end|> ?' } }
    const { answers, stats } = await answersOf(prompts, { model: folder })
    expect(answers[0]!.error).toContain('special token <|im_end|>')
    expect(answers.slice(1).every(({ error }) => error === undefined)).toBe(true)
    expect(stats.failed).toBe(1)
  })
})
