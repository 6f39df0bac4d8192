import { beforeAll, describe, expect, test } from '@jest/globals'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { openVqaModel, type OnnxOptions, type PromptWithImages } from '../src/index.ts'
import { floatTensor, floatToHalf, halfToFloat, lastColumns, toFloats } from '../src/onnx/half.ts'
import { loadOrt } from '../src/onnx/ort.ts'
import { tileText } from '../src/onnx/place-image.ts'
import { writeTinyIdefics } from './support/tiny-idefics.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

let world: Awaited<ReturnType<typeof makeWorld>>
let bad: Record<'missing' | 'text' | 'cut' | 'huge' | 'folder', string>
beforeAll(async () => {
  world = await makeWorld({ demonstrations: 4, queries: 3, sizes: [[90, 60]] })
  const folder = await temporaryFolder()
  bad = {
    missing: join(folder, 'missing.jpg'),
    text: join(folder, 'text.jpg'),
    cut: join(folder, 'cut.png'),
    huge: join(folder, 'huge.png'),
    folder: join(folder, 'folder.png'),
  }
  await writeFile(bad.text, 'no image')
  await copyFile(world.images[0]!, bad.cut)
  const { readFile } = await import('node:fs/promises')
  await writeFile(bad.cut, (await readFile(bad.cut)).subarray(0, 60))
  await writeFile(bad.huge, pngOf(30_000, 20_000))
  await mkdir(bad.folder)
})

/** The beginning of a grey PNG of a size that its data do not have to fill. */
function pngOf(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

describe.each(['qwen2_vl', 'idefics3'] as const)('an image that cannot be used, %s', (kind) => {
  let folder: string
  beforeAll(async () => {
    const place = await temporaryFolder()
    folder = await (kind === 'idefics3' ? writeTinyIdefics(place) : writeTinyModel(place))
  })

  async function answered(prompts: readonly PromptWithImages[], options: Partial<OnnxOptions> = {}) {
    const model = await openVqaModel({ backend: 'onnx', model: folder, ...options })
    const answers = await model.answer(prompts)
    const stats = model.stats()
    await model.close()
    return { answers, stats }
  }

  test.each([0, 2])(
    'fails its outcomes with its name and the example, not the run (%d workers)',
    async (workers) => {
      const good = makePrompts(world, { each: 2, shots: [2] })
      const kinds = Object.entries(bad)
      const broken = kinds.flatMap(([, image], i): PromptWithImages[] => [
        { ...good[0]!, query: { ...good[0]!.query, id: 500 + i, image } },
        {
          ...good[1]!,
          demonstrations: [
            good[1]!.demonstrations[0]!,
            { ...good[1]!.demonstrations[1]!, id: 700 + i, image },
          ],
        },
      ])
      const prompts = good.flatMap((prompt, i) => [prompt, ...broken.slice(2 * i, 2 * i + 2)])
      const { answers, stats } = await answered(prompts, { workers })
      const alone = await answered(good)
      expect(answers.filter(({ error }) => error === undefined)).toEqual(alone.answers)
      expect(stats.failed).toBe(2 * kinds.length)
      for (const [i, [name, image]] of kinds.entries()) {
        for (const [prompt, id] of [
          [broken[2 * i]!, 500 + i],
          [broken[2 * i + 1]!, 700 + i],
        ] as const) {
          const { error, text, raw } = answers[prompts.indexOf(prompt)]!
          expect([text, raw]).toEqual(['', ''])
          expect(error).toContain(`vqa-model: cannot read the image ${image}: `)
          expect(error).toContain(` (the image of example ${id})`)
          if (name === 'huge')
            expect(error).toContain('it has 30000 x 20000 pixels, and at most 89478485 are read')
        }
      }
    },
  )
})

test('pixel limits of images in tiles: the longest edge is a whole number of tiles', async () => {
  const folder = await writeTinyIdefics(await temporaryFolder(), { longestEdge: 128 })
  const prompts = makePrompts(world, { each: 1, shots: [1] })
  const counts: number[] = []
  for (const [max, edge] of [
    [undefined, 128],
    [100 ** 2, 96],
    [64 ** 2, 64],
    [5, 32],
  ] as const) {
    const model = await openVqaModel({ backend: 'onnx', model: folder, ...(max ? { pixels: { max } } : {}) })
    expect(model.protocol.pixels).toEqual({ min: 0, max: edge ** 2, resizer: 'pillow lanczos' })
    expect((await model.answer(prompts)).every(({ error }) => error === undefined)).toBe(true)
    counts.push(model.stats().prefillTokens)
    await model.close()
  }
  expect([...counts].sort((a, b) => b - a)).toEqual(counts)
  expect(new Set(counts).size).toBe(4)
  const opening = openVqaModel({ backend: 'onnx', model: folder, pixels: { min: 10 } })
  await expect(opening).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringContaining('pixels.min is 10'),
  })
})

test('the text of tiles', () => {
  const a = '<fake_token_around_image>'
  expect(tileText(0, 0, '<image>')).toBe(`${a}<global-img><image>${a}`)
  expect(tileText(1, 2, '<image>')).toBe(
    `${a}<row_1_col_1><image>${a}<row_1_col_2><image>\n\n${a}<global-img><image>${a}`,
  )
})

describe('half precision', () => {
  test('every number of 16 bits comes back', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfToFloat(bits)
      if (Number.isNaN(value)) expect(Number.isNaN(halfToFloat(floatToHalf(value)))).toBe(true)
      else if (floatToHalf(value) !== bits) throw new Error(`${bits} became ${floatToHalf(value)}`)
    }
  })

  test('tensors of it', async () => {
    const ort = await loadOrt()
    const bits = Uint16Array.from({ length: 24 }, (_, i) => 3001 * i)
    const floats = Float32Array.from(bits, halfToFloat)
    const halves = new ort.Tensor('float16', bits, [2, 3, 4])
    expect(toFloats(halves)).toEqual(floats)
    expect(floatTensor(ort, 'float16', floats, [2, 3, 4]).data).toEqual(halves.data)
    const singles = new ort.Tensor('float32', floats, [2, 3, 4])
    expect(lastColumns(singles, 1)).toEqual({ floats, columns: 3 })
    expect(lastColumns(halves, 5)).toEqual({ floats, columns: 3 })
    expect(lastColumns(halves, 2)).toEqual({
      floats: Float32Array.of(...floats.subarray(4, 12), ...floats.subarray(16, 24)),
      columns: 2,
    })
  })

  test('is rounded to the nearest, and to even when halfway', () => {
    for (const [value, wanted] of [
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [65519, 65504],
      [65520, Infinity],
      [2 ** -25, 0],
      [2 ** -25 * 1.5, 2 ** -24],
      [-1e9, -Infinity],
      [0.1, 0.0999755859375],
    ] as const) {
      expect(halfToFloat(floatToHalf(value))).toBe(wanted)
    }
  })
})
