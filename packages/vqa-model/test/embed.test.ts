import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { embedderNames, embedExamples, openEmbedder, type Embedder, type EmbedderName } from '../src/index.ts'
import { joinRows, normalizeRows } from '../src/embed/normalize.ts'
import { writeTinyClip } from './support/tiny-clip.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { bundledExamples, bundledModel, makeWorld, temporaryFolder } from './support/world.ts'

/** `sentence` takes no images: text.test.ts. */
const FOLDERS: Record<Exclude<EmbedderName, 'sentence'>, () => Promise<string>> = {
  'vision-pool': async () => writeTinyModel(await temporaryFolder()),
  clip: async () => writeTinyClip(await temporaryFolder()),
}

const length = (row: Float32Array): number => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

let world: Awaited<ReturnType<typeof makeWorld>>
beforeAll(async () => {
  world = await makeWorld({
    demonstrations: 5,
    queries: 0,
    sizes: [
      [56, 56],
      [84, 112],
    ],
  })
})

const imageEmbedders = embedderNames.filter((name) => name !== 'sentence')

describe.each(imageEmbedders)('embedder %s', (name) => {
  let embedder: Embedder
  beforeAll(async () => {
    embedder = await openEmbedder({ embedder: name, model: await FOLDERS[name]() })
  })
  afterAll(() => embedder.close())

  test('rows have length 1, do not depend on the batch, and come again', async () => {
    const { dim } = embedder
    const images = await embedder.images(world.images)
    expect(images).toHaveLength(world.images.length * dim.image)
    for (const [i, path] of world.images.entries()) {
      const row = images.subarray(i * dim.image, (i + 1) * dim.image)
      expect(length(row)).toBeCloseTo(1, 5)
      const [alone] = [await embedder.images([path])]
      expect(Math.max(...alone.map((value, j) => Math.abs(value - row[j]!)))).toBeLessThan(1e-5)
    }
    const texts = await embedder.texts(['what color is it ?', 'red'])
    expect(texts).toHaveLength(2 * dim.text)
    expect(length(texts.subarray(0, dim.text))).toBeCloseTo(1, 5)
    const red = await embedder.texts(['red'])
    expect(Math.max(...red.map((value, j) => Math.abs(value - texts[dim.text + j]!)))).toBeLessThan(1e-5)
    expect(await embedder.images([])).toHaveLength(0)
    expect(await embedder.texts([])).toHaveLength(0)
  })

  test('bytes give the row of their file, under the name that they were given', async () => {
    const [path] = world.images as [string]
    const bytes = await readFile(path)
    expect(await embedder.images([{ name: 'drawn', bytes }])).toEqual(await embedder.images([path]))
    const broken = embedder.images([{ name: 'drawn', bytes: bytes.subarray(0, 20) }])
    await expect(broken).rejects.toThrow('cannot read the image drawn')
  })

  test('a missing image is named', async () => {
    await expect(embedder.images(['/nowhere/1.png'])).rejects.toThrow('cannot read the image /nowhere/1.png')
  })

  test('examples of each kind', async () => {
    const { dim, both } = embedder
    const examples = world.demonstrations
    const image = await embedExamples(embedder, examples, { kind: 'image', batch: 2 })
    const text = await embedExamples(embedder, examples, { kind: 'text' })
    const joined = await embedExamples(embedder, examples, { source: 'abc' })
    expect([image.dim, text.dim, joined.dim]).toEqual([
      dim.image,
      dim.text,
      both === 'average' ? dim.image : dim.image + dim.text,
    ])
    expect(joined).toMatchObject({ model: embedder.name, kind: 'both', source: 'abc' })
    expect(joined.imageDim).toBe(both === 'average' ? 0 : dim.image)
    expect([image.imageDim, text.imageDim]).toEqual([0, 0])
    expect(joined.ids).toEqual(examples.map(({ id }) => id))
    const row = (e: typeof image, i: number): Float32Array => e.data.subarray(i * e.dim, (i + 1) * e.dim)
    if (both === 'concatenate') {
      const mean = (dot(row(image, 0), row(image, 1)) + dot(row(text, 0), row(text, 1))) / 2
      expect(dot(row(joined, 0), row(joined, 1))).toBeCloseTo(mean, 5)
    }
    for (let i = 0; i < examples.length; i++) expect(length(row(joined, i))).toBeCloseTo(1, 5)
  })

  test('a broken example is an error, or is left out when asked', async () => {
    const examples = [
      ...world.demonstrations,
      { id: 77, image: '/nowhere.png', question: 'what ?' },
      { id: 78, question: 'what ?' },
    ]
    await expect(embedExamples(embedder, examples)).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringContaining('/nowhere.png'),
    })
    const every = embedExamples(embedder, examples, { batch: 2 })
    await expect(every).rejects.toThrow(
      /the images of 2 examples cannot be used;[^]*example 77: [^]*example 78: /,
    )
    const found = await embedExamples(embedder, examples, { skipBroken: true })
    expect(found.ids).toHaveLength(world.demonstrations.length)
    expect(found.skipped.map(({ id }) => id)).toEqual([77, 78])
    expect((await embedExamples(embedder, examples, { kind: 'text' })).ids).toHaveLength(examples.length)
  })
})

test('the bundled embedder finds images of the same object', async () => {
  const embedder = await openEmbedder({ model: bundledModel })
  const examples = bundledExamples('train', 40)
  const { data, dim, model } = await embedExamples(embedder, examples)
  expect(dim).toBe(embedder.dim.image + embedder.dim.text)
  expect(model).toContain('vision-pool+bag-of-words')
  expect(data.every(Number.isFinite)).toBe(true)
  await embedder.close()
})

test('a folder saved by transformers 5 keeps its image processor in another file, and is embedded too', async () => {
  const folder = fileURLToPath(new URL('../../../fixtures/tiny-vlm', import.meta.url))
  const embedder = await openEmbedder({ model: folder })
  const rows = await embedder.images([world.images[0]!])
  expect(rows).toHaveLength(embedder.dim.image)
  expect(rows.every(Number.isFinite)).toBe(true)
  await embedder.close()
})

test('ids must be whole and differ', async () => {
  const embedder = await openEmbedder({ model: await FOLDERS['vision-pool']() })
  const twice = [
    { id: 1, question: 'a' },
    { id: 1, question: 'b' },
  ]
  await expect(embedExamples(embedder, twice, { kind: 'text' })).rejects.toThrow('two examples have the id 1')
  await expect(embedExamples(embedder, [{ id: 1.5, question: 'a' }], { kind: 'text' })).rejects.toThrow('1.5')
  await expect(embedExamples(embedder, [], { kind: 'sound' as 'text' })).rejects.toThrow(
    'choose one of image, text, both',
  )
  expect((await embedExamples(embedder, [])).ids).toEqual([])
  await embedder.close()
  await expect(openEmbedder({ embedder: 'sbert' as 'clip', model: '/' })).rejects.toThrow(
    'choose one of vision-pool, clip',
  )
  await expect(openEmbedder({ embedder: 'clip', model: bundledModel })).rejects.toThrow(
    'not that of a CLIP model',
  )
})

test('joinRows and normalizeRows', () => {
  expect([...normalizeRows(Float32Array.of(3, 4, 0, 0), 2)]).toEqual([
    Math.fround(0.6),
    Math.fround(0.8),
    0,
    0,
  ])
  const dim = { image: 1, text: 2 }
  const { rows } = joinRows(Float32Array.of(1), Float32Array.of(0, 1), { dim, both: 'concatenate' })
  expect([...rows].map((value) => value.toFixed(4))).toEqual(['0.7071', '0.0000', '0.7071'])
  expect(() => joinRows(Float32Array.of(1), Float32Array.of(0, 1), { dim, both: 'average' })).toThrow(
    'have no mean',
  )
})
