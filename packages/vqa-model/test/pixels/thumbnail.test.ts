import { expect, test } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RawImage } from '@huggingface/transformers'
import { makeThumbnail } from '../../src/pixels/thumbnail.ts'
import { bundled } from '../support/world.ts'

const one = `${bundled}world/images/`

async function shapeOf(uri: string): Promise<unknown> {
  const [, type, data] = /^data:(.*);base64,(.*)$/.exec(uri)!
  const { width, height } = await RawImage.fromBlob(new Blob([Buffer.from(data!, 'base64')]))
  return { type, width, height }
}

test('a small file is taken as it is, a large one becomes WebP', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lever-thumbnail-'))
  const wide = new RawImage(
    new Uint8Array(400 * 200 * 3).map((_, i) => (i * i) % 251),
    400,
    200,
    3,
  )
  const path = join(folder, 'wide.png')
  await wide.save(path)
  const uri = await makeThumbnail(path)
  expect(await shapeOf(uri)).toEqual({ type: 'image/webp', width: 96, height: 48 })
  expect(await makeThumbnail(path)).toBe(uri)
  expect(await shapeOf(await makeThumbnail(path, { size: 20 }))).toEqual({
    type: 'image/webp',
    width: 20,
    height: 10,
  })
  const first = JSON.parse(readFileSync(`${bundled}world/test/questions.json`, 'utf8')) as {
    questions: { image_id: number }[]
  }
  const file = join(one, String(first.questions[0]!.image_id) + '.png')
  expect(await makeThumbnail(file, { asIs: 20_000 })).toBe(
    `data:image/png;base64,${readFileSync(file).toString('base64')}`,
  )
  expect(await shapeOf(await makeThumbnail(file))).toMatchObject({
    type: 'image/webp',
    width: 56,
  })
  writeFileSync(join(folder, 'broken.jpg'), 'x'.repeat(4000))
  await expect(makeThumbnail(join(folder, 'broken.jpg'))).rejects.toThrow(
    /cannot read the image .*broken\.jpg/,
  )
  await rm(folder, { recursive: true })
})
