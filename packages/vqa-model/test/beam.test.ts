import { beforeAll, describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { openVqaModel, type OnnxOptions, type PromptWithImages } from '../src/index.ts'
import { advanceBeams, startBeams, type BeamSearch, type BeamSettings } from '../src/onnx/beam.ts'
import { logProbability } from '../src/onnx/logits.ts'
import { openStockModel } from './support/stock.ts'
import { writeTinyIdefics } from './support/tiny-idefics.ts'
import { writeTinyModel, type TinyModelOptions } from './support/tiny-model.ts'
import { bundledExamples, bundledModel, makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

type Next = (tokens: readonly number[]) => Float32Array | Promise<Float32Array>

/** A whole search; the logits of each beam come from a function of its tokens. */
async function search(next: Next, settings: BeamSettings): Promise<BeamSearch> {
  let state = startBeams()
  while (!state.done) {
    const rows: Float32Array[] = []
    for (const { tokens } of state.running) rows.push(await next(tokens))
    const size = rows[0]!.length
    const all = new Float32Array(rows.length * size)
    rows.forEach((row, i) => all.set(row, i * size))
    const starts = rows.map((_, i) => i * size)
    state = advanceBeams(state, all, starts, size, settings)
  }
  return state
}

interface Case {
  seed: number
  vocab: number
  endTokens: number[]
  endBias: number
  maxNewTokens: number
  tokens: number[]
  score: number
}

/** The language model of `fixtures/golden/beam-search/make.py`. */
function formula({
  seed,
  vocab,
  endTokens,
  endBias,
}: Pick<Case, 'seed' | 'vocab' | 'endTokens' | 'endBias'>): Next {
  const LIMIT = 2 ** 31
  return (prefix) => {
    const state = prefix.reduce((x, token) => (x * 48271 + 7919 * (token + 1)) % LIMIT, seed % LIMIT)
    return Float32Array.from({ length: vocab }, (_, token) => {
      let mixed = ((state ^ (token * 40503)) * 48271 + 12345) % LIMIT
      mixed = ((mixed ^ (mixed >> 11)) * 48271) % LIMIT
      return (((mixed >> 7) % 100003) / 100003) * 4 + (endTokens.includes(token) ? endBias : 0)
    })
  }
}

describe('beam search', () => {
  test('of width 3 is that of Hugging Face transformers', async () => {
    const path = new URL('../../../fixtures/golden/beam-search/cases.json', import.meta.url)
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
    expect(cases).toHaveLength(160)
    for (const one of cases) {
      const { finished } = await search(formula(one), {
        beams: 3,
        maxNewTokens: one.maxNewTokens,
        eosTokenIds: new Set(one.endTokens),
      })
      expect({ seed: one.seed, tokens: finished[0]!.tokens }).toEqual({ seed: one.seed, tokens: one.tokens })
      expect(Math.abs(finished[0]!.score - one.score)).toBeLessThan(1e-4)
    }
    expect(cases.filter(({ tokens, maxNewTokens }) => tokens.length < maxNewTokens).length).toBeGreaterThan(
      30,
    )
  })

  test('as wide as everything finds the best of all answers', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const one = { seed: seed * 991, vocab: 4, endTokens: [2], endBias: (seed % 4) * 0.4 }
      const next = formula(one) as (tokens: readonly number[]) => Float32Array
      const best = { tokens: [] as number[], score: -Infinity }
      const walk = (tokens: number[], score: number): void => {
        const row = next(tokens)
        for (let token = 0; token < 4; token++) {
          const sum = score + logProbability(row, 0, 4, token)
          const all = token === 2 ? tokens : [...tokens, token]
          if (token === 2 || all.length === 4) {
            if (sum > best.score) Object.assign(best, { tokens: all, score: sum })
          } else walk(all, sum)
        }
      }
      walk([], 0)
      const { finished } = await search(next, { beams: 400, maxNewTokens: 4, eosTokenIds: new Set([2]) })
      expect(finished[0]!.tokens).toEqual(best.tokens)
      expect(Math.abs(finished[0]!.score - best.score)).toBeLessThan(1e-5)
    }
  })

  test('of width 1 is greedy', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const next = formula({ seed, vocab: 12, endTokens: [1], endBias: 1 }) as (
        tokens: readonly number[],
      ) => Float32Array
      const greedy: number[] = []
      while (greedy.length < 5) {
        const row = next(greedy)
        const token = row.indexOf(Math.max(...row))
        if (token === 1) break
        greedy.push(token)
      }
      const { finished } = await search(next, { beams: 1, maxNewTokens: 5, eosTokenIds: new Set([1]) })
      expect(finished[0]!.tokens).toEqual(greedy)
    }
  })

  test('logits that are not numbers are an error', () => {
    const settings = { beams: 3, maxNewTokens: 5, eosTokenIds: new Set([1]) }
    expect(() => advanceBeams(startBeams(), new Float32Array(4).fill(NaN), [0], 4, settings)).toThrow(
      /no finite logits/,
    )
  })
})

describe('the onnx backend with three beams', () => {
  const MIXED = [
    [56, 56],
    [84, 56],
    [90, 60],
  ] as const
  let prompts: PromptWithImages[]
  beforeAll(async () => {
    const world = await makeWorld({ demonstrations: 6, queries: 3, sizes: MIXED })
    prompts = makePrompts(world, { each: 5, shots: [4, 3, 2, 1, 0] })
  })

  async function raws(options: OnnxOptions, asked: readonly PromptWithImages[]): Promise<string[]> {
    const model = await openVqaModel({ backend: 'onnx', beams: 3, ...options })
    expect(model.protocol.decoding).toEqual({ maxNewTokens: 5, beams: options.beams ?? 3 })
    const answers = await model.answer(asked)
    await model.close()
    return answers.map(({ raw = '' }) => raw)
  }

  test.each<TinyModelOptions>([
    { kind: 'qwen2_vl', attention: 'matmul', tokenizer: 'words', logitsToKeep: 'block', seed: 3 },
    { kind: 'qwen2_5_vl', attention: 'gqa', tokenizer: 'bytes' },
  ])('answers as the search over forward passes of transformers.js: %j', async (kind) => {
    const folder = await writeTinyModel(await temporaryFolder(), kind)
    const found = await raws({ model: folder }, prompts)
    const scored = prompts.map((prompt) => ({ ...prompt, scoreAnswers: ['red', 'a blue'] }))
    expect(await raws({ model: folder }, scored)).toEqual(found)
    expect(await raws({ model: folder, sharing: false }, prompts)).toEqual(found)
    expect(await raws({ model: folder, batchRows: 1 }, prompts)).toEqual(found)
    const stock = await openStockModel(folder, 'lever-plus')
    for (const [i, prompt] of prompts.slice(0, 10).entries()) {
      const next: Next = (tokens) => stock.logitsAfter!(prompt, tokens)
      const { finished } = await search(next, { beams: 3, maxNewTokens: 5, eosTokenIds: new Set([2, 0]) })
      expect([i, found[i]]).toEqual([i, stock.decode(finished[0]!.tokens)])
    }
    await stock.close()
    expect(await raws({ model: folder, beams: 1 }, prompts)).not.toEqual(found)
  })

  test('the bundled model', async () => {
    const pool = bundledExamples('train', 24)
    const queries = bundledExamples('test', 4).map(({ id, image, question }) => ({ id, image, question }))
    const asked = makePrompts({ demonstrations: pool, queries }, { each: 4, shots: [2, 1, 4, 0] })
    const shared = await raws({ model: bundledModel }, asked)
    const stock = await openStockModel(bundledModel)
    for (const [i, prompt] of asked.entries()) {
      const next: Next = (tokens) => stock.logitsAfter!(prompt, tokens)
      const { finished } = await search(next, { beams: 3, maxNewTokens: 5, eosTokenIds: new Set([2, 0]) })
      expect([i, shared[i]]).toEqual([i, stock.decode(finished[0]!.tokens)])
    }
    await stock.close()
  })

  test('SmolVLM: sharing changes nothing', async () => {
    const folder = await writeTinyIdefics(await temporaryFolder(), { kind: 'smolvlm' })
    const found = await raws({ model: folder }, prompts)
    expect(await raws({ model: folder, sharing: false }, prompts)).toEqual(found)
  })

  test('another width is refused', async () => {
    const opening = openVqaModel({ backend: 'onnx', model: bundledModel, beams: 2 as 3 })
    await expect(opening).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringContaining('beams is 2'),
    })
  })
})
