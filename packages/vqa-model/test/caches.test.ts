import { beforeEach, describe, expect, test } from '@jest/globals'
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openVqaModel, type OnnxOptions, type VqaModelStats, type VqaPrompt } from '../src/index.ts'
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
      raws.push((await model.answer(prompts)).map(({ raw }) => raw))
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

describe('encoded images on disk', () => {
  const image = (value: number, size = 8): EncodedImage => ({
    grid: { height: 1, width: 2 },
    features: new Float32Array(size).fill(value),
  })

  test('are found by the bytes of the file, the model and nothing else', async () => {
    const folder = join(cache, 'images')
    const [a, b] = (await writeImages(await temporaryFolder(), 2)) as [string, string]
    const disk = openImageDisk({ folder, bytes: 10_000, model: 'm' })
    expect(await disk.get(a)).toBeUndefined()
    await disk.put(a, image(1))
    expect(await disk.get(a)).toEqual(image(1))
    expect(await disk.get(b)).toBeUndefined()
    expect(await openImageDisk({ folder, bytes: 10_000, model: 'other' }).get(a)).toBeUndefined()
    const copy = join(await temporaryFolder(), 'copy.png')
    await writeFile(copy, await readFile(a))
    expect(await disk.get(copy)).toEqual(image(1))
    await writeFile(a, await readFile(b))
    expect(await disk.get(a)).toBeUndefined()
    expect(await disk.get(join(folder, 'none.png'))).toBeUndefined()
  })

  test('a damaged entry is not used, and removed', async () => {
    const folder = join(cache, 'images')
    const [path] = (await writeImages(await temporaryFolder(), 1)) as [string]
    const disk = openImageDisk({ folder, bytes: 10_000, model: 'm' })
    for (const damage of [
      (data: Buffer) => data.subarray(0, data.length - 1),
      (data: Buffer) => data.fill(7, 45, 46),
      () => Buffer.alloc(0),
      () => Buffer.alloc(50),
    ]) {
      await disk.put(path, image(1))
      const [name] = await readdir(folder)
      const entry = join(folder, name!)
      await writeFile(entry, damage(await readFile(entry)))
      expect(await disk.get(path)).toBeUndefined()
      expect(await readdir(folder)).toEqual([])
    }
  })

  test('the budget holds: what was not used for longest goes', async () => {
    const folder = join(cache, 'images')
    const paths = await writeImages(await temporaryFolder(), 5)
    const size = 32 + 8 + 4 * 8
    const disk = openImageDisk({ folder, bytes: 3 * size, model: 'm' })
    for (const [i, path] of paths.entries()) {
      await disk.put(path, image(i))
      for (const name of await readdir(folder)) {
        const { mtime } = await stat(join(folder, name))
        await utimes(join(folder, name), mtime, new Date(mtime.getTime() - 1000))
      }
      if (i > 0) expect(await disk.get(paths[0]!)).toEqual(image(0))
    }
    const there = await Promise.all(paths.map((path) => disk.get(path)))
    expect(there.map((found) => found !== undefined)).toEqual([true, false, false, true, true])
    await disk.put(paths[1]!, image(9, 1000))
    expect(await readdir(folder)).toHaveLength(3)
  })

  test('a folder that cannot be written changes nothing', async () => {
    const [path] = (await writeImages(await temporaryFolder(), 1)) as [string]
    await writeFile(join(cache, 'file'), '')
    const disk = openImageDisk({ folder: join(cache, 'file', 'images'), bytes: 10_000, model: 'm' })
    await disk.put(path, image(1))
    expect(await disk.get(path)).toBeUndefined()
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
        const raws = (await model.answer(prompts)).map(({ raw }) => raw)
        const stats = model.stats()
        await model.close()
        return { raws, stats }
      }
      const used = new Set(
        prompts.flatMap((prompt: VqaPrompt) => [...prompt.demonstrations, prompt.query].map((x) => x.image)),
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
