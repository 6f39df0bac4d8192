import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from '@jest/globals'
import { openRunDirectory } from '../src/index.ts'
import { temporaryFolder } from './support/temporary.ts'

let path: string
beforeEach(async () => {
  path = join(await temporaryFolder(), 'runs', 'one')
})
const wanted = { command: 'train', config: { lr: 1e-4, epochs: 5 }, inputs: { data: 'abc' }, seed: 7 }
const open = (patch: object = {}): ReturnType<typeof openRunDirectory> =>
  openRunDirectory({ path, versions: { lever: '0.1.0' }, ...wanted, ...patch })

test('a new directory has a manifest; the same configuration continues it', async () => {
  const run = await open()
  expect(run.resumed).toBe(false)
  await run.update({ best: { step: 3 } })
  await run.close()
  expect(JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'))).toEqual({
    manifest: 1,
    ...wanted,
    versions: { lever: '0.1.0' },
    best: { step: 3 },
  })
  const again = await open({ versions: { lever: '0.2.0' } })
  expect([again.resumed, again.manifest.versions, again.manifest['best']]).toEqual([
    true,
    { lever: '0.2.0' },
    { step: 3 },
  ])
  await again.close()
  expect(await readdir(path)).toEqual(['manifest.json'])
})

test('another configuration is refused, naming the keys', async () => {
  const run = await open()
  await writeFile(run.file('checkpoints/best.safetensors'), '')
  await run.close()
  const opening = open({ config: { lr: 1e-3, epochs: 5 }, seed: 8, inputs: { data: 'abc', more: 'x' } })
  await expect(opening).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  await expect(opening).rejects.toThrow(
    'config.lr: 0.0001 there, 0.001 here; inputs.more: nothing there, "x" here; seed: 7 there, 8 here; use another --out',
  )
  await expect(open({ command: 'sft' })).rejects.toThrow(
    'belongs to another command: train there, sft here; use another --out',
  )
})

test('a run that failed before it wrote anything gives its directory to another one', async () => {
  const failed = await open()
  await failed.update({ rlData: ['rl-data.json'] })
  failed.file('checkpoints/best.safetensors')
  await failed.close()
  const run = await open({ command: 'sft', seed: 8 })
  expect(run.resumed).toBe(false)
  expect(run.manifest).toEqual({
    manifest: 1,
    ...wanted,
    command: 'sft',
    seed: 8,
    versions: { lever: '0.1.0' },
  })
  await run.close()
})

test('a folder where the system makes none is refused, and at once', async () => {
  const opening = open({ path: '/proc/lever/run' })
  await expect(opening).rejects.toThrow('cannot create /proc')
  await expect(opening).rejects.toMatchObject({ code: 'LEVER_INPUT' })
})

test('it is locked while open', async () => {
  const run = await open()
  await expect(open({ seed: 8 })).rejects.toThrow(`is being written by process ${process.pid}`)
  await expect(open()).rejects.toThrow(`is being written by process ${process.pid}`)
  await run.close()
  await (await open()).close()
})

test('a folder with other files, a file, and a broken manifest are refused', async () => {
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'thesis.tex'), '')
  await expect(open()).rejects.toThrow('has files (thesis.tex) but no manifest.json')
  expect(await readdir(path)).toEqual(['thesis.tex'])
  await writeFile(join(path, 'manifest.json'), '{"manifest":1,"comm')
  await expect(open()).rejects.toThrow('is not a manifest of version 1')
  await expect(open({ path: join(path, 'thesis.tex') })).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  await expect(open({ path: join(path, 'thesis.tex', 'in') })).rejects.toMatchObject({ code: 'LEVER_INPUT' })
})

test('temporary files and locks of a killed writer are removed', async () => {
  const run = await open()
  const checkpoint = run.file('checkpoints/best.safetensors')
  await run.close()
  await writeFile(checkpoint, 'kept')
  await writeFile(join(path, 'checkpoints', '.best.safetensors.123-4.tmp'), 'torn')
  await writeFile(join(path, '.manifest.json.123-5.tmp'), 'torn')
  await writeFile(join(path, 'manifest.json.lock-4000000-1-aaaaaaaaaaaa-00000000'), 'old')
  await (await open({ lock: { watchMs: 50 } })).close()
  expect((await readdir(path, { recursive: true })).sort()).toEqual([
    'checkpoints',
    'checkpoints/best.safetensors',
    'manifest.json',
  ])
})

test.each(['../x', '/etc/passwd', '..', 'a/../../x', '', '.'])('the name %p leads outside', async (name) => {
  const run = await open()
  expect(() => run.file(name)).toThrow('is not a file name inside')
  await run.close()
})

test('updates are written in order, and fixed fields stay', async () => {
  const run = await open()
  await Promise.all([1, 2, 3].map((step) => run.update({ step })))
  await expect(run.update({ seed: 1, config: {} })).rejects.toThrow(
    'config, seed of a manifest cannot change',
  )
  await expect(run.update({ loss: Number.NaN })).rejects.toThrow('NaN at $.loss')
  await run.close()
  expect((JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')) as { step: number }).step).toBe(3)
})
