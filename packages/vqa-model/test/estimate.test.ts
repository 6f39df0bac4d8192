import { describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { estimatePrompts, openVqaModel } from '../src/index.ts'
import { imageSize } from '../src/pixels/image-size.ts'
import { smartResize } from '../src/pixels/smart-resize.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { bundledExamples, bundledModel, makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

test('counts what the model then does', async () => {
  const examples = bundledExamples('train', 40)
  const world = { demonstrations: examples.slice(0, 16), queries: examples.slice(16) }
  const sizes = [
    [56, 56],
    [90, 300],
    [20, 30],
    [400, 260],
  ] as const
  const tiny = await writeTinyModel(await temporaryFolder())
  for (const [model, prompts] of [
    [bundledModel, makePrompts(world, { each: 8, shots: [0, 1, 2, 2, 3] })],
    [tiny, makePrompts(await makeWorld({ sizes }), { each: 6, shots: [1, 2] })],
  ] as const) {
    const estimate = await estimatePrompts(prompts, { model })
    const opened = await openVqaModel({ backend: 'onnx', model })
    await opened.answer(prompts)
    const { prefillTokens, imageEncodes } = opened.stats()
    await opened.close()
    expect(estimate.tokens!.shared).toBe(prefillTokens)
    expect(estimate).toMatchObject({ prompts: prompts.length, images: { files: imageEncodes } })
    const plain = await openVqaModel({ backend: 'onnx', model, sharing: false })
    await plain.answer(prompts)
    expect(estimate.tokens!.whole).toBe(plain.stats().prefillTokens)
    await plain.close()
  }
})

test('without a model, or with images of unknown size, tokens are not counted', async () => {
  const prompts = makePrompts(await makeWorld(), { each: 2, shots: [2] })
  expect(await estimatePrompts(prompts)).toEqual({
    prompts: 12,
    images: { uses: 36, files: expect.any(Number) },
  })
  const path = join(await temporaryFolder(), 'x.webp')
  await writeFile(path, 'RIFF....WEBP')
  const odd = { demonstrations: [], query: { id: 1, image: path, question: '?' } }
  expect(await estimatePrompts([odd], { model: bundledModel })).not.toHaveProperty('tokens')
  await expect(
    estimatePrompts([{ ...odd, query: { ...odd.query, image: '/none' } }], { model: bundledModel }),
  ).rejects.toThrow('/none')
})

describe('image sizes', () => {
  test('of PNG and JPEG headers', () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d494844520000012c000000c8', 'hex')
    expect(imageSize(png)).toEqual({ width: 300, height: 200 })
    // SOI, APP0 of 4 bytes, a fill byte, SOF2 of 200 x 300
    const jpeg = Buffer.from('ffd8ffe000040102ffffc2001108012c00c803', 'hex')
    expect(imageSize(jpeg)).toEqual({ width: 200, height: 300 })
    for (const bytes of [Buffer.alloc(0), Buffer.from('GIF89a.............'), jpeg.subarray(0, 10)]) {
      expect(imageSize(bytes)).toBeUndefined()
    }
  })

  test('resized as smart_resize of Python does', () => {
    // Written down from transformers 5.24: width, height -> width and height in steps of 28 pixels.
    for (const [width, height, columns, rows] of [
      [56, 56, 2, 2],
      [640, 480, 9, 6],
      [30, 20, 3, 2],
      [100, 1, 20, 1],
      [28, 28, 2, 2],
      [42, 70, 2, 2],
      [400, 2, 29, 1],
      [2, 400, 1, 29],
    ] as const) {
      const { width: w, height: h } = smartResize({ width, height }, 28, { min: 3136, max: 50_176 })
      expect([width, height, w / 28, h / 28]).toEqual([width, height, columns, rows])
    }
    expect(() => smartResize({ width: 401, height: 2 }, 28, { min: 1, max: 9999 })).toThrow('at most 200')
  })
})
