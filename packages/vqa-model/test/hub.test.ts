import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadModel, openVqaModel } from '../src/index.ts'
import { dtypeText, parseDtypes, type Dtypes } from '../src/onnx/dtypes.ts'
import { isModelId, locateModel } from '../src/hub/locate.ts'
import { startHub, type Hub } from './support/hub-server.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

const ID = 'some-org/Tiny-VL_1.0'
const NAMES = [
  'LEVER_CACHE',
  'LEVER_OFFLINE',
  'HF_HUB_OFFLINE',
  'HF_HOME',
  'HF_HUB_CACHE',
  'HF_ENDPOINT',
  'HF_TOKEN',
]

let before: Map<string, string | undefined>
let hub: Hub
let folder: string
beforeEach(async () => {
  before = new Map(NAMES.map((name) => [name, process.env[name]]))
  for (const name of NAMES) Reflect.deleteProperty(process.env, name)
  folder = await writeTinyModel(await temporaryFolder(), { seed: 4 })
  await writeFile(join(folder, 'README.md'), 'a model')
  await writeFile(join(folder, 'onnx/decoder_model_merged_q4.onnx'), 'q4 graph')
  await writeFile(join(folder, 'onnx/decoder_model_merged_q4.onnx_data'), 'q4 data')
  await writeFile(join(folder, 'onnx/decoder_model_merged_q4.onnx_data_1'), 'more q4 data')
  hub = await startHub({ [ID]: folder })
  process.env['HF_ENDPOINT'] = `${hub.url}/`
  process.env['LEVER_CACHE'] = await temporaryFolder()
  process.env['HF_HOME'] = await temporaryFolder()
})
afterEach(async () => {
  await hub.close()
  for (const [name, value] of before) {
    if (value === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = value
  }
})

const cached = (...parts: string[]): string => join(process.env['LEVER_CACHE']!, 'models', ID, ...parts)
const quick = { id: ID, pause: 1, patience: 2000 }
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

describe('a download', () => {
  test('brings what the model needs and nothing else, and the model answers as from its own folder', async () => {
    const seen: [number, number][] = []
    const found = await downloadModel({ ...quick, onProgress: (done, total) => seen.push([done, total]) })
    expect(found).toMatchObject({ id: ID, commit: hub.commit, path: cached() })
    expect((await readdir(cached('onnx'))).sort()).toEqual([
      'decoder_model_merged.onnx',
      'embed_tokens.onnx',
      'vision_encoder.onnx',
    ])
    expect(await readdir(cached())).not.toContain('README.md')
    expect(found.files.every(({ fetched }) => fetched)).toBe(true)
    expect(seen.at(-1)).toEqual([found.bytes, found.bytes])
    expect(seen.every(([done], i) => i === 0 || done >= seen[i - 1]![0])).toBe(true)

    const prompts = makePrompts(await makeWorld({ demonstrations: 3, queries: 2 }), {
      each: 2,
      shots: [1, 2],
    })
    const answers: string[][] = []
    for (const model of [ID, folder]) {
      const opened = await openVqaModel({ backend: 'onnx', model })
      answers.push((await opened.answer(prompts)).map(({ raw = '' }) => raw))
      expect(opened.name).toBe(model === ID ? ID : 'qwen2_vl')
      await opened.close()
    }
    expect(answers[0]).toEqual(answers[1])

    hub.requests.length = 0
    const again = await downloadModel(quick)
    expect(again.files.some(({ fetched }) => fetched)).toBe(false)
    expect(hub.requests).toHaveLength(1)
  })

  test('per file dtype, with its external data before the graph', async () => {
    const found = await downloadModel({ ...quick, dtype: parseDtypes('decoder_model_merged=q4') })
    expect(found.files.map(({ path }) => path).filter((path) => path.includes('decoder'))).toEqual([
      'onnx/decoder_model_merged_q4.onnx_data',
      'onnx/decoder_model_merged_q4.onnx_data_1',
      'onnx/decoder_model_merged_q4.onnx',
    ])
    expect((await readdir(cached('onnx'))).includes('decoder_model_merged.onnx')).toBe(false)
    const opening = openVqaModel({ backend: 'onnx', model: ID })
    await expect(opening).rejects.toThrow(
      `dtypes of decoder_model_merged that exist: q4; download it with "lever doctor --download ${ID}"`,
    )
  })

  test('is continued after an interruption, from where it stopped', async () => {
    const path = 'onnx/decoder_model_merged.onnx'
    const { size } = await stat(join(folder, path))
    hub.fault(path, { cutAfter: 10_000 }, { cutAfter: 5000 }, { status: 503, retryAfter: 0 })
    const { files } = await downloadModel(quick)
    expect(files.find((file) => file.path === path)).toEqual({ path, size, fetched: true })
    const ranges = hub.requests.filter((request) => request.path === path).map(({ range }) => range)
    expect(ranges).toEqual([undefined, 'bytes=10000-', 'bytes=15000-', 'bytes=15000-'])
    expect(sha256(await readFile(cached(path)))).toBe(sha256(await readFile(join(folder, path))))
    expect((await readdir(cached('onnx'))).some((name) => name.endsWith('.part'))).toBe(false)
  })

  test('a process that ended leaves parts; the next one takes them up', async () => {
    const path = 'onnx/decoder_model_merged.onnx'
    hub.fault(path, ...Array.from({ length: 3 }, () => ({ cutAfter: 0 })))
    await expect(downloadModel({ ...quick, attempts: 3 })).rejects.toThrow(
      /run the same command again to continue/,
    )
    hub.fault(path, { cutAfter: 7000 }, { status: 500 }, { status: 500 })
    await expect(downloadModel({ ...quick, attempts: 3 })).rejects.toThrow(/7000 of \d+ bytes are here/)
    expect(await stat(cached(path)).catch(() => undefined)).toBeUndefined()
    hub.requests.length = 0
    await downloadModel(quick)
    expect(hub.requests.filter((request) => request.path === path).map(({ range }) => range)).toEqual([
      'bytes=7000-',
    ])
    expect(sha256(await readFile(cached(path)))).toBe(sha256(await readFile(join(folder, path))))
  })

  test('an abort stops it and keeps what came', async () => {
    const path = 'onnx/decoder_model_merged.onnx'
    hub.fault(path, { stallAfter: 3000 })
    const controller = new AbortController()
    const running = downloadModel({
      ...quick,
      signal: controller.signal,
      onProgress: (_, __, file) => {
        if (file === path) controller.abort(new Error('stopped by hand'))
      },
    })
    await expect(running).rejects.toThrow('stopped by hand')
    const parts = (await readdir(cached('onnx'))).filter((name) => name.endsWith('.part'))
    expect(parts).toHaveLength(1)
    expect(await stat(cached('onnx', parts[0]!))).toMatchObject({ size: 3000 })
  })

  test('a server that stands still is given up and asked again', async () => {
    const path = 'onnx/embed_tokens.onnx'
    hub.fault(path, { stallAfter: 100 })
    await downloadModel({ ...quick, patience: 100 })
    expect(hub.requests.filter((request) => request.path === path)).toHaveLength(2)
  })

  test('wrong bytes are thrown away: once is repeated, twice is an error, and nothing is renamed', async () => {
    const path = 'onnx/embed_tokens.onnx'
    hub.fault(path, { corrupt: true })
    await downloadModel(quick)
    expect(sha256(await readFile(cached(path)))).toBe(sha256(await readFile(join(folder, path))))
    await truncate(cached(path), 10)
    hub.fault(path, { corrupt: true }, { corrupt: true })
    await expect(downloadModel(quick)).rejects.toThrow(/are not those of the file/)
    expect((await stat(cached(path))).size).toBe(10)
    hub.fault('config.json', { corrupt: true }, { corrupt: true })
    await writeFile(cached('config.json'), '{}')
    await expect(downloadModel(quick)).rejects.toThrow(/config.json .*are not those of the file/)
  })

  test('a server without ranges sends all again', async () => {
    const path = 'onnx/embed_tokens.onnx'
    hub.fault(path, { cutAfter: 50 }, { ignoreRange: true })
    await downloadModel(quick)
    expect(sha256(await readFile(cached(path)))).toBe(sha256(await readFile(join(folder, path))))
  })

  test('the token is sent to the Hub, and not to the place that it redirects to', async () => {
    process.env['HF_TOKEN'] = 'hf_secret'
    hub.closed.add(ID)
    const path = 'onnx/embed_tokens.onnx'
    hub.redirect.add(path)
    await downloadModel(quick)
    expect(hub.requests.every(({ token }) => token === 'Bearer hf_secret')).toBe(true)
    expect(hub.elsewhere.map(({ token }) => token)).toEqual([undefined])
    delete process.env['HF_TOKEN']
    await expect(downloadModel(quick)).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringContaining('set HF_TOKEN to a token that may read it'),
    })
  })

  test('two at once: the second is refused while the first runs', async () => {
    hub.fault('onnx/embed_tokens.onnx', { stallAfter: 10 })
    const first = downloadModel({ ...quick, patience: 1500 })
    await new Promise((resolve) => setTimeout(resolve, 500))
    await expect(downloadModel(quick)).rejects.toThrow(/is being written by process/)
    await first
  })

  test('what cannot be downloaded is an input error with the reason', async () => {
    const refused = async (
      options: Partial<Parameters<typeof downloadModel>[0]>,
      message: string,
    ): Promise<void> => {
      await expect(downloadModel({ ...quick, ...options })).rejects.toMatchObject({
        code: 'LEVER_INPUT',
        message: expect.stringContaining(message),
      })
    }
    await refused({ id: 'some-org/none' }, 'is some-org/none the id of a model with ONNX files?')
    await refused({ id: 'none' }, '"none" is not the id of a model on the Hub')
    await refused({ dtype: 'q4' }, 'dtypes of embed_tokens that it has: fp32')
    process.env['HF_HUB_OFFLINE'] = '1'
    await refused({}, 'HF_HUB_OFFLINE is set')
    process.env['HF_HUB_OFFLINE'] = '0'
    process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9'
    await expect(downloadModel(quick)).rejects.toThrow(/cannot reach http:\/\/127.0.0.1:9/)
  })
})

describe('finding a model', () => {
  test('one that is missing names the command; offline, how to go on', async () => {
    const open = (dtype: Dtypes): Promise<unknown> => openVqaModel({ backend: 'onnx', model: ID, dtype })
    await expect(open('fp32')).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringMatching(
        /is not on this machine .*; download it with "lever doctor --download some-org\/Tiny-VL_1.0"$/,
      ),
    })
    await expect(open('decoder_model_merged=q4,vision_encoder=fp16')).rejects.toThrow(
      `"lever doctor --download ${ID} --dtype vision_encoder=fp16,decoder_model_merged=q4"`,
    )
    process.env['LEVER_OFFLINE'] = 'yes'
    await expect(open('q4')).rejects.toThrow(
      `LEVER_OFFLINE is set, so nothing is downloaded: unset it and run "lever doctor --download ${ID} --dtype q4"`,
    )
    expect(hub.requests).toHaveLength(0)
  })

  test("the Hub's own cache is read", async () => {
    const shared = join(process.env['HF_HOME']!, 'hub', 'models--some-org--Tiny-VL_1.0')
    await mkdir(join(shared, 'refs'), { recursive: true })
    await mkdir(join(shared, 'snapshots'))
    await writeFile(join(shared, 'refs/main'), 'abc123')
    const { symlink } = await import('node:fs/promises')
    await symlink(folder, join(shared, 'snapshots/abc123'))
    const path = join(shared, 'snapshots/abc123')
    expect(await locateModel(ID)).toEqual({ path, id: ID })
    expect(await locateModel(`${ID}@abc123`)).toEqual({ path, id: ID, commit: 'abc123' })
    process.env['LEVER_OFFLINE'] = '1'
    const model = await openVqaModel({ backend: 'onnx', model: ID })
    expect(model.name).toBe(ID)
    await model.close()
  })

  test('a revision is downloaded apart, used by its name, and stands in the protocol', async () => {
    const pinned = `${ID}@v1.0`
    await expect(locateModel(pinned)).rejects.toThrow(`"lever doctor --download ${pinned}"`)
    expect(await downloadModel({ ...quick, id: pinned })).toMatchObject({ id: pinned, commit: hub.commit })
    expect(hub.requests[0]!.path).toContain(`${ID}/revision/v1.0`)
    const path = `${cached()}@v1.0`
    expect(await locateModel(pinned)).toEqual({ path, id: ID, commit: hub.commit })
    await expect(locateModel(ID)).rejects.toThrow('is not on this machine')
    const model = await openVqaModel({ backend: 'onnx', model: pinned })
    expect(model.protocol).toMatchObject({ model: ID, revision: hub.commit })
    await model.close()
    await expect(downloadModel({ ...quick, id: `${ID}@` })).rejects.toThrow('or organisation/name@revision')
  })

  test('a folder of that name comes first', async () => {
    expect(await locateModel(folder)).toEqual({ path: folder, id: undefined })
    await expect(locateModel('./some-org/none')).rejects.toThrow(/there is no model folder/)
  })

  test('ids', () => {
    for (const id of ['a/b', ID, `${ID}@v1.0`, 'a/b@refs-pr.1', 'onnx-community/Qwen2.5-VL-3B-Instruct-ONNX'])
      expect(isModelId(id)).toBe(true)
    for (const id of [
      'a',
      '/a/b',
      './a/b',
      'a/b/c',
      '../a',
      'a/..b',
      'a b/c',
      'a/',
      'a--b/c',
      'a/b@',
      'a/b@../c',
      'a/b@c@d',
    ]) {
      expect(isModelId(id)).toBe(false)
    }
  })
})

test('dtypes are read and written', () => {
  expect(parseDtypes('q4')).toBe('q4')
  const mixed = parseDtypes('decoder_model_merged=q4, vision_encoder = fp16')
  expect(mixed).toEqual({ decoder_model_merged: 'q4', vision_encoder: 'fp16' })
  expect(dtypeText(mixed)).toBe('vision_encoder=fp16,decoder_model_merged=q4')
  expect(dtypeText({})).toBe('fp32')
  expect(() => parseDtypes('q5')).toThrow('unknown dtype "q5"')
  expect(() => parseDtypes('encoder=q4')).toThrow('names no file of a model')
  expect(() => parseDtypes('vision_encoder=')).toThrow('unknown dtype ""')
})
