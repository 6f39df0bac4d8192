import { beforeEach, describe, expect, test } from '@jest/globals'
import { open, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashFile } from '@lever/durable-files'
import { modelFileHash } from '../src/onnx/file-hash.ts'
import { temporaryFolder } from './support/world.ts'

const later = (): number => Date.now() + 60_000
const FOREIGN = `${'0'.repeat(64)}\n`

let cache: string
let file: string
beforeEach(async () => {
  cache = await temporaryFolder()
  file = join(cache, 'model.onnx_data')
  await write(0, 'weights', 2 ** 26)
})

async function write(at: number, text: string, size?: number): Promise<void> {
  const handle = await open(file, size === undefined ? 'r+' : 'w')
  await handle.write(text, at)
  if (size !== undefined) await handle.truncate(size)
  await handle.close()
}

async function entries(): Promise<string[]> {
  return readdir(join(cache, 'hashes')).catch(() => [])
}

describe('the hash of a large file of a model', () => {
  test('is read from the file once', async () => {
    const hash = await hashFile(file)
    expect(await modelFileHash(file, cache, later)).toBe(hash)
    const [entry = ''] = await entries()
    await writeFile(join(cache, 'hashes', entry), FOREIGN)
    expect(await modelFileHash(file, cache, later)).toBe(FOREIGN.trim())
    for (const damaged of ['', 'x', hash.slice(1), hash.toUpperCase(), `${hash}${hash}\n`]) {
      await writeFile(join(cache, 'hashes', entry), damaged)
      expect(await modelFileHash(file, cache, later)).toBe(hash)
    }
    expect(await entries()).toEqual([entry])
  })

  test('is another when a byte changed, though size and time are set back', async () => {
    const before = await modelFileHash(file, cache, later)
    const time = new Date('2020-01-01T00:00:00Z')
    await utimes(file, time, time)
    expect(await modelFileHash(file, cache, later)).toBe(before)
    await write(2 ** 25, 'x')
    await utimes(file, time, time)
    const { size, mtimeMs } = await stat(file)
    expect({ size, mtimeMs }).toEqual({ size: 2 ** 26, mtimeMs: time.getTime() })
    const after = await modelFileHash(file, cache, later)
    expect(after).not.toBe(before)
    expect(after).toBe(await hashFile(file))
  })

  test('is not kept while the file may still be written', async () => {
    expect(await modelFileHash(file, cache)).toBe(await hashFile(file))
    expect(await entries()).toEqual([])
  })

  test('is not kept for smaller files, nor where nothing can be written', async () => {
    await write(0, 'weights', 2 ** 26 - 1)
    expect(await modelFileHash(file, cache, later)).toBe(await hashFile(file))
    expect(await entries()).toEqual([])
    await writeFile(join(cache, 'hashes'), 'a file')
    await write(0, 'weights', 2 ** 26)
    expect(await modelFileHash(file, cache, later)).toBe(await hashFile(file))
    await expect(modelFileHash(join(cache, 'none'), cache)).rejects.toThrow(/cannot read .*none/)
  })
})
