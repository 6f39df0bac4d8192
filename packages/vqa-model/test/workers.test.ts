import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { openVqaModel, type PromptWithImages } from '../src/index.ts'
import { splitPrompts } from '../src/workers/split.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

describe('workers', () => {
  let folder: string
  let prompts: PromptWithImages[]
  let images: number
  beforeAll(async () => {
    folder = await writeTinyModel(await temporaryFolder())
    const world = await makeWorld({ demonstrations: 16, queries: 12 })
    images = world.images.length
    prompts = makePrompts(world, { each: 36, shots: [2] })
  })

  test('answers do not depend on their number; images are encoded once; the event loop stays free', async () => {
    const found: string[][] = []
    for (const workers of [0, 1, 2]) {
      const model = await openVqaModel({ backend: 'onnx', model: folder, workers })
      let ticks = 0
      const timer = setInterval(() => ticks++, 2)
      found.push((await model.answer(prompts)).map(({ raw = '' }) => raw))
      clearInterval(timer)
      expect(model.stats()).toMatchObject({ prompts: prompts.length, imageEncodes: images, failed: 0 })
      if (workers > 0) expect(ticks).toBeGreaterThan(5)
      await model.answer(prompts)
      expect(model.stats().imageEncodes).toBe(images)
      await model.close()
    }
    expect(found[1]).toEqual(found[0])
    expect(found[2]).toEqual(found[0])
  })

  test('scores alone do not depend on their number, to the last bit', async () => {
    const asked = prompts.slice(0, 300).map((prompt) => ({ ...prompt, scoreAnswers: ['red'] }))
    const found: unknown[] = []
    for (const workers of [0, 1, 3]) {
      const model = await openVqaModel({ backend: 'onnx', model: folder, workers })
      const seen: number[] = []
      found.push(await model.answer(asked, { scoresOnly: true, onProgress: (done) => seen.push(done) }))
      expect(seen.at(-1)).toBe(asked.length)
      await model.close()
    }
    expect(found[1]).toEqual(found[0])
    expect(found[2]).toEqual(found[0])
  })

  test('new images are encoded once also when the budget was used up by others', async () => {
    const bytes = 4 * 32 * 4
    const model = await openVqaModel({ backend: 'onnx', model: folder, workers: 2, imageBytes: 80 * bytes })
    let before = 0
    for (let call = 0; call < 4; call++) {
      const world = await makeWorld({ demonstrations: 30, queries: 10 })
      await model.answer(makePrompts(world, { each: 20, shots: [2], seed: call }))
      const { imageEncodes } = model.stats()
      expect(imageEncodes - before).toBeLessThan(1.2 * world.images.length)
      before = imageEncodes
    }
    await model.close()
  })

  test('an abort while images are encoded stops soon', async () => {
    const slow = await writeTinyModel(await temporaryFolder(), {
      maxPixels: 50_176,
      vision: { layers: 4, width: 96 },
    })
    const world = await makeWorld({ demonstrations: 120, queries: 1, sizes: [[112, 112]] })
    const asked = makePrompts(world, { each: 200, shots: [1] })
    for (const workers of [0, 1, 2]) {
      const model = await openVqaModel({ backend: 'onnx', model: slow, workers, threads: 1 })
      const controller = new AbortController()
      const answering = model.answer(asked, { signal: controller.signal })
      setTimeout(() => controller.abort(new Error('enough')), 20)
      await expect(answering).rejects.toThrow('enough')
      expect([workers, model.stats().imageEncodes < world.images.length / 2]).toEqual([workers, true])
      const [answer] = await model.answer(asked.slice(0, 1))
      expect(answer!.error).toBeUndefined()
      await model.close()
    }
  })

  test('what is wrong with the model is an error of opening, as input', async () => {
    const opening = openVqaModel({ backend: 'onnx', model: '/nowhere/model', workers: 2 })
    await expect(opening).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringContaining('there is no model folder /nowhere/model'),
    })
  })

  test('an abort in the middle stops all workers soon', async () => {
    const model = await openVqaModel({ backend: 'onnx', model: folder, workers: 2 })
    await model.answer(prompts.slice(0, 1))
    const many = Array.from({ length: 20 }, () => prompts)
      .flat()
      .map((prompt, id) => ({
        ...prompt,
        query: { ...prompt.query, question: `what ${id} ?` },
      }))
    const controller = new AbortController()
    const start = performance.now()
    setTimeout(() => controller.abort(), 100)
    await expect(model.answer(many, { signal: controller.signal })).rejects.toThrow('aborted')
    expect(performance.now() - start).toBeLessThan(5000)
    expect((await model.answer(prompts.slice(0, 3))).every(({ error }) => error === undefined)).toBe(true)
    await model.close()
  })
})

describe('splitPrompts', () => {
  const prompt = (demonstrations: number[], query: number): PromptWithImages => ({
    demonstrations: demonstrations.map((id) => ({ id, image: `${id}`, question: 'q', answer: 'a' })),
    query: { id: query, image: 'q', question: 'q' },
  })

  test('prefixes stay together', () => {
    const prompts = [prompt([2], 0), prompt([1], 0), prompt([2], 1), prompt([1], 1)]
    expect(splitPrompts(prompts, 2)).toEqual([
      [1, 3],
      [0, 2],
    ])
  })

  test('every prompt is in one part, and parts are even', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 })),
        fc.integer({ min: 1, max: 9 }),
        (lists, parts) => {
          const found = splitPrompts(
            lists.map((list, i) => prompt(list, i)),
            parts,
          )
          expect(found.flat().sort((a, b) => a - b)).toEqual(lists.map((_, i) => i))
          const sizes = found.map(({ length }) => length)
          expect(Math.max(0, ...sizes) - Math.min(...sizes, Infinity)).toBeLessThanOrEqual(1)
          expect(found.length).toBeLessThanOrEqual(parts)
        },
      ),
    )
  })
})
