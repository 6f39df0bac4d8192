import { beforeAll, describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeThumbnail } from '../../src/index.ts'
import { decodeImage } from '../../src/pixels/decode.ts'
import { imageFormat } from '../../src/pixels/format.ts'
import { imageLimits } from '../../src/pixels/limits.ts'
import { readImageFile } from '../../src/pixels/read-file.ts'
import { readImage } from '../../src/pixels/read-image.ts'
import { goldenFolder } from '../support/golden-pixels.ts'
import { temporaryFolder } from '../support/world.ts'

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder()
})

describe('only regular files are read', () => {
  test.each([
    ['a named pipe', (path: string) => promisify(execFile)('mkfifo', [path])],
    ['a folder', (path: string) => mkdir(path)],
  ])('%s is refused at once', async (kind, make) => {
    const path = join(folder, kind.replaceAll(' ', '-'))
    await make(path)
    await expect(readImageFile(path)).rejects.toThrow(
      `cannot read the image ${path}: it is ${kind}, not a file`,
    )
  })

  test('a device is refused', async () => {
    await expect(readImage('/dev/zero')).rejects.toThrow('it is a device, not a file')
    await expect(makeThumbnail('/dev/zero')).rejects.toThrow('it is a device, not a file')
  })

  test('a socket is refused', async () => {
    const path = join(folder, 'socket')
    const server = createServer().listen(path)
    await new Promise((resolve) => server.once('listening', resolve))
    await expect(readImageFile(path)).rejects.toThrow(`cannot read the image ${path}`)
    server.close()
  })
})

describe('limits', () => {
  test('of bytes and pixels, before anything is decoded', async () => {
    const path = `${goldenFolder}images/rgb.png`
    await expect(readImageFile(path, { ...imageLimits(), bytes: 100 })).rejects.toThrow(
      'and at most 100 are read; make it smaller, or set LEVER_IMAGE_LIMITS=bytes=',
    )
    for (const name of [
      'rgb.png',
      'grey-alpha.png',
      '420.jpg',
      'lossy.webp',
      'palette.gif',
      'rgb.tif',
      'rgb.bmp',
    ]) {
      const file = await readImageFile(`${goldenFolder}images/${name}`)
      await expect(decodeImage(file, { ...imageLimits(), pixels: 1000 })).rejects.toThrow(
        'it has 62 x 46 pixels, and at most 1000 are read; make it smaller, or set LEVER_IMAGE_LIMITS=pixels=2852',
      )
    }
  })

  test('can be set', () => {
    expect(imageLimits('pixels=3e8, seconds=5')).toEqual({ ...imageLimits(''), pixels: 3e8, seconds: 5 })
    for (const wrong of ['pixel=5', 'pixels', 'bytes=-1', 'seconds=x']) {
      expect(() => imageLimits(wrong)).toThrow(`LEVER_IMAGE_LIMITS holds "${wrong}"; give bytes, pixels and`)
    }
  })
})

describe('formats go by content', () => {
  test.each([
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'it is SVG'],
    ['<?xml version="1.0"?>\n<!-- x --><svg/>', 'it is SVG'],
    ['%PDF-1.7', 'it is PDF'],
    [
      '<!doctype html><p>404',
      'it is a web page; PNG, JPEG, WebP, GIF, TIFF, BMP and AVIF are read, so download it again',
    ],
    ['version https://git-lfs.github.com/spec/v1\noid sha256:00', 'it is the pointer of Git LFS to a file'],
    ['aws_access_key_id = A\naws_secret_access_key = B\n', 'it is not an image'],
    ['', 'it is empty'],
  ])('%j is refused', async (text, reason) => {
    const path = join(folder, 'x.png')
    await writeFile(path, text)
    await expect(readImage(path)).rejects.toThrow(`cannot read the image ${path}: ${reason}`)
    await expect(makeThumbnail(path)).rejects.toThrow(reason)
  })

  test('a name says nothing', async () => {
    const bytes = await readImageFile(`${goldenFolder}images/420.jpg`)
    const path = join(folder, 'really-a-jpeg.png')
    await writeFile(path, bytes)
    expect(await makeThumbnail(path)).toMatch(/^data:image\/jpeg;/)
    expect(imageFormat(bytes)).toBe('jpeg')
  })
})

describe('damaged files are refused', () => {
  const names = [
    'rgb.png',
    '420.jpg',
    'progressive.jpg',
    'lossy.webp',
    'noise.gif',
    'lzw.tif',
    'rgb.bmp',
    'palette.bmp',
  ]
  test.each(names)('%s, cut off', async (name) => {
    const file = await readImageFile(`${goldenFolder}images/${name}`)
    await expect(decodeImage(file.subarray(0, file.length >> 1))).rejects.toThrow(/./)
  })

  test('any bytes of BMP and GIF give an image or an error', async () => {
    for (const name of ['palette.bmp', 'bits-16-565.bmp', 'palette.gif']) {
      const file = await readImageFile(`${goldenFolder}images/${name}`)
      for (let i = 0; i < 300; i++) {
        const broken = Buffer.from(file)
        broken[(i * 7) % Math.min(file.length, 1100)] = (i * 37) & 255
        const found = await decodeImage(broken, { ...imageLimits(), pixels: 1e6 }).catch(
          (error: unknown) => error as Error,
        )
        if (found instanceof Error) expect(found.message).not.toMatch(/undefined|Cannot read|offset/)
        else expect(found.data).toHaveLength(3 * found.width * found.height)
      }
    }
  })
})
