import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { createImageUrls } from '../../src/openai/image-urls.ts'
import { asSeen } from '../../src/pixels/as-seen.ts'
import { decodeImage } from '../../src/pixels/decode.ts'
import { emptyStats } from '../../src/stats.ts'
import { goldenFolder } from '../support/golden-pixels.ts'

const path = (name: string): string => `${goldenFolder}images/${name}`

test.each(['rgb.png', 'grey.png', '420.jpg', 'grey.jpg', 'orientation-1.jpg', 'lossy.webp', 'palette.gif'])(
  '%s is sent as it is',
  async (name) => {
    const file = await readFile(path(name))
    expect((await asSeen(file)).bytes).toBe(file)
  },
)

test.each([
  ...['orientation-2.jpg', 'orientation-6.jpg', 'orientation-6.png', 'orientation-8.webp'],
  ...['rgba.png', 'grey-alpha.png', 'bits-16-rgb.png', 'cmyk.jpg', 'rgb.tif', 'rgb.bmp', 'lossless.avif'],
])('%s is sent as a PNG of what a local model sees', async (name) => {
  const file = await readFile(path(name))
  const url = await createImageUrls({ cache: 1e6, file: 1e6 }, emptyStats()).get(path(name))
  const [, type, data] = /^data:(.*);base64,(.*)$/.exec(url)!
  expect(type).toBe('image/png')
  expect(await decodeImage(Buffer.from(data!, 'base64'))).toEqual(await decodeImage(file))
})

test('what is not an image is named', async () => {
  const urls = createImageUrls({ cache: 1e6, file: 1e6 }, emptyStats())
  const other = `${goldenFolder}README.md`
  await expect(urls.get(other)).rejects.toThrow(`cannot read the image ${other}: it is not an image`)
  await expect(createImageUrls({ cache: 1, file: 10 }, emptyStats()).get(path('rgb.png'))).rejects.toThrow(
    'are sent at most',
  )
})
