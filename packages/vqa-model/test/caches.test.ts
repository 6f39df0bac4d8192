import { beforeEach, describe, expect, test } from '@jest/globals'
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openVqaModel, type OnnxOptions, type VqaModelStats, type PromptWithImages } from '../src/index.ts'
import { rememberAbilities } from '../src/onnx/ability-cache.ts'
import { openImageDisk } from '../src/onnx/image-disk.ts'
import type { EncodedImage } from '../src/onnx/images.ts'
import { writeImages } from './support/images.ts'
import { writeTinyIdefics } from './support/tiny-idefics.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

let cache: string
beforeEach(async () => {
  cache = await temporaryFolder()
  process.env['LEVER_CACHE'] = cache
})

describe('what a decoder can do', () => {
  const found = { chunkOnPast: true, batchOnPast: false, noise: 1.25e-7 }

  test('is found out once for a key, and again when the entry is damaged', async () => {
    let probes = 0
    const probe = (): Promise<typeof found> => Promise.resolve((probes++, found))
    expect(await rememberAbilities({ file: 'a' }, probe, join(cache, 'probes'))).toEqual(found)
    expect(await rememberAbilities({ file: 'a' }, probe, join(cache, 'probes'))).toEqual(found)
    expect(probes).toBe(1)
    await rememberAbilities({ file: 'b' }, probe, join(cache, 'probes'))
    expect(probes).toBe(2)
    const folder = join(cache, 'probes')
    const names = await readdir(folder)
    expect(names).toHaveLength(2)
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"chunkOnPast":true}',
      '{"chunkOnPast":true,"batchOnPast":1,"noise":0}',
    ]) {
      for (const name of names) await writeFile(join(folder, name), text)
      const before = probes
      expect(await rememberAbilities({ file: 'a' }, probe, join(cache, 'probes'))).toEqual(found)
      expect(probes).toBe(before + 1)
    }
  })

  test('a folder that cannot be written changes nothing', async () => {
    await writeFile(join(cache, 'probes'), 'a file')
    const probe = (): Promise<typeof found> => Promise.resolve(found)
    expect(await rememberAbilities({ file: 'a' }, probe, join(cache, 'probes'))).toEqual(found)
  })

  test('of a model is kept by the hash of its files', async () => {
    const folder = await writeTinyModel(await temporaryFolder(), { attention: 'gqa' })
    const prompts = makePrompts(await makeWorld({ demonstrations: 3, queries: 2 }), { each: 2, shots: [2] })
    const raws: string[][] = []
    for (let opening = 0; opening < 2; opening++) {
      const model = await openVqaModel({ backend: 'onnx', model: folder })
      raws.push((await model.answer(prompts)).map(({ raw = '' }) => raw))
      await model.close()
    }
    expect(raws[0]).toEqual(raws[1])
    const [entry, ...others] = await readdir(join(cache, 'probes'))
    expect(others).toEqual([])
    const kept = JSON.parse(await readFile(join(cache, 'probes', entry!), 'utf8')) as object
    expect(kept).toMatchObject({ chunkOnPast: true, batchOnPast: false })
    const other = await writeTinyModel(await temporaryFolder(), { attention: 'gqa', seed: 2 })
    await (await openVqaModel({ backend: 'onnx', model: other })).close()
    expect(await readdir(join(cache, 'probes'))).toHaveLength(2)
  })
})

test('a decoder that cannot go on from a cache is told of, and gives the same answers', async () => {
  const folder = await writeTinyModel(await temporaryFolder())
  const prompts = makePrompts(await makeWorld({ demonstrations: 3, queries: 2 }), { each: 2, shots: [2] })
  const lines: string[] = []
  const answered = async (workers: number): Promise<string[]> => {
    const onNotice = (line: string): void => void lines.push(line)
    const model = await openVqaModel({ backend: 'onnx', model: folder, workers, onNotice })
    const answers = await model.answer(prompts)
    await model.close()
    return answers.map(({ raw = '' }) => raw)
  }
  const shared = await answered(0)
  expect(lines).toEqual([])
  const [entry] = await readdir(join(cache, 'probes'))
  await writeFile(
    join(cache, 'probes', entry!),
    JSON.stringify({ chunkOnPast: false, batchOnPast: false, noise: 0 }),
  )
  for (const workers of [0, 1]) {
    expect(await answered(workers)).toEqual(shared)
    expect(lines.splice(0)).toEqual([expect.stringContaining('every prompt runs whole')])
  }
})

describe('encoded images on disk', () => {
  const image = (value: number, size = 8): EncodedImage => ({
    grid: { height: 1, width: 2 },
    features: new Float32Array(size).fill(value),
  })

  const file = (name: string): Uint8Array => Buffer.from(name)
  const size = 32 + 8 + 4 * 8

  test('are found by the bytes of the file, the model and nothing else', async () => {
    const folder = join(cache, 'images')
    const disk = openImageDisk({ folder, bytes: 10_000, model: 'm' })
    const entry = disk.entryOf(file('a'))
    expect(await disk.get(entry)).toBeUndefined()
    await disk.put(entry, image(1))
    expect(await disk.get(disk.entryOf(file('a')))).toEqual(image(1))
    expect(await disk.get(disk.entryOf(file('b')))).toBeUndefined()
    const other = openImageDisk({ folder, bytes: 10_000, model: 'other' })
    expect(await other.get(other.entryOf(file('a')))).toBeUndefined()
  })

  test('a damaged entry is not used, and removed', async () => {
    const folder = join(cache, 'images')
    const disk = openImageDisk({ folder, bytes: 10_000, model: 'm' })
    const entry = disk.entryOf(file('a'))
    for (const damage of [
      (data: Buffer) => data.subarray(0, data.length - 1),
      (data: Buffer) => data.fill(7, 45, 46),
      () => Buffer.alloc(0),
      () => Buffer.alloc(50),
    ]) {
      await disk.put(entry, image(1))
      await writeFile(entry, damage(await readFile(entry)))
      expect(await disk.get(entry)).toBeUndefined()
      expect(await readdir(folder)).toEqual([])
    }
  })

  test('the budget holds: what was not used for longest goes', async () => {
    const folder = join(cache, 'images')
    const disk = openImageDisk({ folder, bytes: 3.5 * size, model: 'm' })
    const entries = ['a', 'b', 'c', 'd', 'e'].map((name) => disk.entryOf(file(name)))
    for (const [i, entry] of entries.entries()) {
      await disk.put(entry, image(i))
      for (const name of await readdir(folder)) {
        const { mtime } = await stat(join(folder, name))
        await utimes(join(folder, name), mtime, new Date(mtime.getTime() - 1000))
      }
      if (i > 0) expect(await disk.get(entries[0]!)).toEqual(image(0))
    }
    const there = await Promise.all(entries.map((entry) => disk.get(entry)))
    expect(there.map((found) => found !== undefined)).toEqual([true, false, false, true, true])
    await disk.put(entries[1]!, image(9, 1000))
    expect(await readdir(folder)).toHaveLength(3)
    const left = join(folder, '.a.features.1-1.tmp')
    await writeFile(left, Buffer.alloc(size))
    await utimes(left, new Date(0), new Date(0))
    await disk.put(entries[1]!, image(9))
    expect(await readdir(folder)).not.toContain('.a.features.1-1.tmp')
  })

  test('the budget holds for all processes of a folder together, and few entries are looked at again and again', async () => {
    const folder = join(cache, 'images')
    const bytes = 40 * size
    const disks = [1, 2, 3, 4].map(() => openImageDisk({ folder, bytes, model: 'm' }))
    for (let i = 0; i < 240; i++) {
      const disk = disks[i % disks.length]!
      await disk.put(disk.entryOf(file(`${i}`)), image(i))
      // Between two looks each process writes an eighth.
      expect((await readdir(folder)).length).toBeLessThanOrEqual(40 + 4 * 6)
    }
    expect((await readdir(folder)).length).toBeGreaterThan(30)
  })

  test('an image that changes while it is encoded does not spoil the entry of another', async () => {
    const folder = await writeTinyModel(await temporaryFolder())
    const [a, b] = (await writeImages(await temporaryFolder(), 2)) as [string, string]
    const { size: before } = await stat(a)
    const model = await openVqaModel({ backend: 'onnx', model: folder, imageDiskBytes: 2 ** 20 })
    const ask = { demonstrations: [], query: { id: 1, image: a, question: 'what ?' } }
    const answering = model.answer([ask])
    await writeFile(a, await readFile(b))
    await answering
    await model.close()
    expect(before).toBeGreaterThan(0)
    const again = await openVqaModel({ backend: 'onnx', model: folder, imageDiskBytes: 2 ** 20 })
    const plain = await openVqaModel({ backend: 'onnx', model: folder })
    const scored = [{ ...ask, query: { ...ask.query, image: b }, scoreAnswers: ['red'] }]
    expect(await again.answer(scored)).toEqual(await plain.answer(scored))
    await Promise.all([again.close(), plain.close()])
  })

  test('a folder that cannot be written changes nothing', async () => {
    await writeFile(join(cache, 'file'), '')
    const disk = openImageDisk({ folder: join(cache, 'file', 'images'), bytes: 10_000, model: 'm' })
    await disk.put(disk.entryOf(file('a')), image(1))
    expect(await disk.get(disk.entryOf(file('a')))).toBeUndefined()
  })

  test.each(['qwen2_vl', 'idefics3'] as const)(
    'spare a later model of %s the encoding, with the same answers, and other pixel limits do not share them',
    async (kind) => {
      const place = await temporaryFolder()
      const folder = await (kind === 'idefics3' ? writeTinyIdefics(place) : writeTinyModel(place))
      const world = await makeWorld({ demonstrations: 4, queries: 2, sizes: [[90, 60]] })
      const prompts = makePrompts(world, { each: 3, shots: [1, 2] })
      const run = async (
        options: Partial<OnnxOptions> = {},
      ): Promise<{ raws: string[]; stats: VqaModelStats }> => {
        const model = await openVqaModel({
          backend: 'onnx',
          model: folder,
          imageDiskBytes: 2 ** 20,
          ...options,
        })
        const raws = (await model.answer(prompts)).map(({ raw = '' }) => raw)
        const stats = model.stats()
        await model.close()
        return { raws, stats }
      }
      const used = new Set(
        prompts.flatMap((prompt: PromptWithImages) =>
          [...prompt.demonstrations, prompt.query].map((x) => x.image),
        ),
      )
      const without = await run({ imageDiskBytes: 0 })
      expect(await readdir(cache)).not.toContain('images')
      const first = await run()
      const second = await run()
      const two = await run({ workers: 2 })
      for (const { raws } of [first, second, two]) expect(raws).toEqual(without.raws)
      expect([first, second, two].map(({ stats }) => stats.imageEncodes)).toEqual([used.size, 0, 0])
      expect(second.stats.failed).toBe(0)
      const smaller = await run({ pixels: { max: 3136 } })
      expect(smaller.stats.imageEncodes).toBe(used.size)
      await rm(join(cache, 'images'), { recursive: true })
      await mkdir(join(cache, 'images'))
      expect((await run()).stats.imageEncodes).toBe(used.size)
    },
  )
})
