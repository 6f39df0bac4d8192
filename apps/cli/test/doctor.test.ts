import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startHub, type Hub } from '../../../packages/vqa-model/test/support/hub-server.ts'
import { lever, scratch } from './support/lever.ts'

const BUNDLED = fileURLToPath(new URL('../../../fixtures/shapes-vqa/', import.meta.url))
const ID = 'some-org/shapes-vqa-ONNX'

let hub: Hub
beforeAll(async () => {
  hub = await startHub({ [ID]: join(BUNDLED, 'model') })
})
afterAll(() => hub.close())

const environment = (cache: string): Record<string, string> => ({
  HF_ENDPOINT: hub.url,
  LEVER_CACHE: cache,
  HF_HOME: join(cache, 'hf'),
  HF_TOKEN: '',
  LEVER_OFFLINE: '',
  HF_HUB_OFFLINE: '',
})

test('a missing model names the command; that command, interrupted once, brings it; then it is used by its id', async () => {
  const cache = scratch()
  const env = environment(cache)
  const out = join(cache, 'train.safetensors')
  const embed = ['embed', '--dataset', join(BUNDLED, 'world/validation'), '--model', ID, '--out', out]
  const missing = await lever(embed, { env })
  expect(missing.code).toBe(2)
  expect(missing.stderr).toContain(`download it with "lever doctor --download ${ID}"`)

  const decoder = 'onnx/decoder_model_merged.onnx'
  hub.fault(decoder, { stallAfter: 50_000 })
  const doctor = ['doctor', '--download', ID, '--devices', 'cpu']
  const onnx = join(cache, 'models', ID, 'onnx')
  const parts = (): (number | undefined)[] =>
    existsSync(onnx)
      ? readdirSync(onnx)
          .filter((name) => name.endsWith('.part'))
          .map((name) => statSync(join(onnx, name), { throwIfNoEntry: false })?.size)
      : []
  const when = (): boolean => parts().includes(50_000)
  const interrupted = await lever(doctor, { env, kill: [{ signal: 'SIGINT', when }] })
  expect(interrupted.code).toBe(130)
  expect(parts()).toEqual([50_000])

  const done = await lever([...doctor, '--json'], { env })
  expect(done.code).toBe(0)
  expect(JSON.parse(done.stdout)).toMatchObject({
    ok: true,
    model: { path: ID, ok: true },
    downloaded: { id: ID, commit: hub.commit, path: join(cache, 'models', ID) },
  })
  expect(hub.requests.filter(({ path }) => path === decoder).at(-1)?.range).toBe('bytes=50000-')

  const before = hub.requests.length
  expect((await lever(embed, { env: { ...env, LEVER_OFFLINE: '1' } })).code).toBe(0)
  expect(hub.requests).toHaveLength(before)
})

test('what cannot be downloaded ends with 2 and the reason', async () => {
  const cache = scratch()
  const env = environment(cache)
  const refused = async (args: readonly string[], more: Record<string, string> = {}): Promise<string> => {
    const ran = await lever(['doctor', ...args], { env: { ...env, ...more } })
    expect(ran.code).toBe(2)
    return ran.stderr
  }
  expect(await refused(['--download', 'some-org/none'])).toContain('is some-org/none the id of a model')
  expect(await refused(['--download', ID, '--dtype', 'q4'])).toContain('it has: fp32')
  expect(await refused(['--download', ID, '--dtype', 'vision=q4'])).toContain('names no file of a model')
  expect(await refused(['--download', ID], { LEVER_OFFLINE: '1' })).toContain('LEVER_OFFLINE is set')
})

test('a model that does not work is said, with exit 1', async () => {
  const ran = await lever(['doctor', '--devices', 'cpu', '--model', 'some-org/none'], {
    env: environment(scratch()),
  })
  expect(ran.code).toBe(1)
  expect(ran.stdout).toContain(
    'model some-org/none: does not work (vqa-model: the model some-org/none is not on this machine',
  )
})
