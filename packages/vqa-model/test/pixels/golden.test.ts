import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { decodeImage } from '../../src/pixels/decode.ts'
import {
  golden,
  goldenFolder,
  pattern,
  prepare,
  summarise,
  type Processed,
} from '../support/golden-pixels.ts'

const load = async (name: string): ReturnType<typeof decodeImage> =>
  decodeImage(readFileSync(`${goldenFolder}images/${name}`))

describe('files are decoded as by Pillow', () => {
  test.each(Object.entries(golden.decoded))('%s', async (name, { size, ...expected }) => {
    const { data, width, height } = await load(name)
    expect([width, height]).toEqual(size)
    expect(summarise(data)).toEqual(expected)
  })
})

function check(found: ReturnType<typeof prepare>, { dims, grid, sha256, samples }: Processed): void {
  expect(found.dims).toEqual(dims)
  expect(found.grid).toEqual(grid)
  expect(summarise(found.data)).toEqual({ sha256, samples })
}

describe('files are prepared as by the Python processors', () => {
  const files = golden.processed.filter(({ image }) => image !== undefined)
  test.each(files.map((each) => [each.image!, each.processor, each.resizer, each] as const))(
    '%s, %s, %s',
    async (name, _, __, expected) => check(prepare(await load(name), expected), expected),
  )
})

describe('images of many sizes are prepared as by the Python processors', () => {
  const sizes = golden.processed.filter(({ size }) => size !== undefined)
  const names = [...new Set(sizes.map(({ size }) => size!.join(' x ')))]
  test.each(names)('%s', (name) => {
    const expected = sizes.filter(({ size }) => size!.join(' x ') === name)
    const image = pattern(...expected[0]!.size!)
    for (const each of expected) {
      if (each.error !== undefined) {
        expect(each.error).toContain('aspect ratio')
        expect(() => prepare(image, each)).toThrow('times as long as it is wide')
      } else check(prepare(image, each), each)
    }
  })
})
