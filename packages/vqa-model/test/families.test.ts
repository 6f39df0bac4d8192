import { beforeAll, describe, expect, test } from '@jest/globals'
import { openVqaModel, type OnnxOptions, type PromptWithImages } from '../src/index.ts'
import { openStockIdefics } from './support/stock-idefics.ts'
import { openStockModel, type StockModel } from './support/stock.ts'
import { writeTinyIdefics, type TinyIdeficsOptions } from './support/tiny-idefics.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

/** Square, wide and tall images: 1, 2 and 3 tiles long, and one that is not cut at all in a model of one tile. */
const MIXED = [
  [60, 60],
  [96, 40],
  [30, 90],
  [64, 64],
] as const

let world: Awaited<ReturnType<typeof makeWorld>>
beforeAll(async () => {
  world = await makeWorld({ demonstrations: 7, queries: 2, sizes: MIXED })
})

const imagesOf = ({ demonstrations, query }: PromptWithImages): string[] => [
  ...demonstrations.map(({ image }) => image),
  query.image,
]

async function compare(
  folder: string,
  stock: StockModel,
  { tolerance = 1e-3, ...options }: Partial<OnnxOptions> & { tolerance?: number } = {},
): Promise<void> {
  const scoreAnswers = ['red', 'blue circle', '']
  const prompts = makePrompts(world, { each: 5, shots: [4, 3, 2, 1, 0] }).map((prompt): PromptWithImages => ({
    ...prompt,
    scoreAnswers,
  }))
  const model = await openVqaModel({ backend: 'onnx', model: folder, ...options })
  const answers = await model.answer(prompts)
  const { prefillTokens, imageEncodes, failed } = model.stats()
  await model.close()
  expect(failed).toBe(0)
  expect(imageEncodes).toBe(new Set(prompts.flatMap(imagesOf)).size)
  const plain = await openVqaModel({ backend: 'onnx', model: folder, ...options, sharing: false })
  const alone = await plain.answer(prompts)
  expect(prefillTokens).toBeLessThan(plain.stats().prefillTokens)
  await plain.close()
  for (const [i, prompt] of prompts.entries()) {
    expect([i, answers[i]!.raw]).toEqual([i, stock.decode(await stock.generate(prompt))])
    expect(alone[i]!.raw).toBe(answers[i]!.raw)
    if (i % 5 !== 0) continue
    for (const { answer, logProb } of answers[i]!.scores!) {
      expect(Math.abs(logProb - (await stock.score(prompt, answer)))).toBeLessThan(tolerance)
    }
  }
  expect(new Set(answers.map(({ raw = '' }) => raw)).size).toBeGreaterThan(3)
  await stock.close()
}

describe('Idefics3 and SmolVLM: answers and scores are those of transformers.js, 0 to 4 demonstrations', () => {
  test.each<TinyIdeficsOptions>([
    { kind: 'idefics3', attention: 'matmul', tokenizer: 'bytes' },
    { kind: 'smolvlm', attention: 'gqa', tokenizer: 'bytes', logitsToKeep: 'head' },
    { kind: 'smolvlm', attention: 'matmul', tokenizer: 'words', positions: 'none' },
    { kind: 'idefics3', attention: 'gqa', tokenizer: 'words', splitting: false },
    { kind: 'idefics3', attention: 'matmul', tokenizer: 'bytes', longestEdge: 32 },
    { kind: 'smolvlm', attention: 'matmul', tokenizer: 'bytes', half: true },
  ])('%j', async (kind) => {
    const folder = await writeTinyIdefics(await temporaryFolder(), kind)
    await compare(folder, await openStockIdefics(folder), { tolerance: kind.half === true ? 0.02 : 1e-3 })
  })

  test('a chat of turns', async () => {
    const folder = await writeTinyIdefics(await temporaryFolder())
    await compare(folder, await openStockIdefics(folder, 'shapes'), { template: 'shapes' })
  })
})

describe('Qwen3-VL: the same', () => {
  test.each([
    { attention: 'matmul', tokenizer: 'words', maxPixels: 9000 },
    { attention: 'gqa', tokenizer: 'bytes', logitsToKeep: 'head', maxPixels: 9000 },
  ] as const)('%j', async (kind) => {
    const folder = await writeTinyModel(await temporaryFolder(), { kind: 'qwen3_vl', ...kind })
    await compare(folder, await openStockModel(folder, 'lever-plus'))
  })
})
