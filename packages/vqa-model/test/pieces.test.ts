import { describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { compareProtocols, hashProtocol, type Protocol } from '../src/index.ts'
import { halfToFloat } from '../src/onnx/half.ts'
import { createKeyBook } from '../src/onnx/key-book.ts'
import { emptyBlock, firstSlots, gatherRows, type KvBlock } from '../src/onnx/kv.ts'
import { logProbability, topTwo } from '../src/onnx/logits.ts'
import { LruCache } from '../src/onnx/lru.ts'
import { readGridRules } from '../src/pixels/grid.ts'
import { cutPatches } from '../src/pixels/patches.ts'
import type { PixelOptions } from '../src/pixels/processor-config.ts'
import { segmentPositions } from '../src/onnx/positions.ts'
import { joinSegments, tokenSegment } from '../src/onnx/segments.ts'
import { temporaryFolder } from './support/world.ts'

describe('positions', () => {
  test('text, an image of 2 x 3 tokens, text', () => {
    const { ids, advance } = segmentPositions([2, { height: 2, width: 3 }, 1])
    expect([...ids.subarray(0, 9)]).toEqual([0, 1, 2, 2, 2, 2, 2, 2, 5])
    expect([...ids.subarray(9, 18)]).toEqual([0, 1, 2, 2, 2, 3, 3, 3, 5])
    expect([...ids.subarray(18)]).toEqual([0, 1, 2, 3, 4, 2, 3, 4, 5])
    expect(advance).toBe(6)
  })

  test('a prompt in parts has the positions of the whole', () => {
    const image = { grid: { height: 3, width: 2 }, features: new Float32Array(6) }
    const parts = [[Int32Array.of(7, 8), image], [Int32Array.of(9)], [image, Int32Array.of(3, 4)]]
    const whole = tokenSegment(parts.flat(), 5)
    expect(joinSegments(parts.map((part) => tokenSegment(part, 5)))).toEqual(whole)
    expect(whole.images.map(({ at }) => at)).toEqual([2, 9])
    expect([...whole.ids]).toEqual([7, 8, 5, 5, 5, 5, 5, 5, 9, 5, 5, 5, 5, 5, 5, 3, 4])
  })
})

describe('patches', () => {
  const config = {
    image_processor_type: 'Qwen2VLImageProcessor',
    ...{ patch_size: 14, temporal_patch_size: 2, merge_size: 2 },
  }

  test('a size that does not fit is refused', () => {
    const image = { data: new Uint8Array(3 * 56 * 50), width: 50, height: 56 }
    const cut = (): unknown => cutPatches(image, new Float32Array(768), { patch: 14, merge: 2, frames: 2 })
    expect(cut).toThrow('the sides of an image of 50 x 56 pixels are not multiples of 28')
  })

  test('pixel limits come from either form of the file, and the caller goes first', () => {
    const rulesOf = (
      values: Record<string, unknown>,
      pixels: PixelOptions = {},
    ): ReturnType<typeof readGridRules> =>
      readGridRules({ file: '/m/preprocessor_config.json', values: { ...config, ...values } }, pixels)
    const edges = { size: { shortest_edge: 100, longest_edge: 200 } }
    expect(rulesOf(edges).limits).toEqual({ min: 100, max: 200 })
    expect(rulesOf(edges, { max: 150 }).limits).toEqual({ min: 100, max: 150 })
    expect(rulesOf({ ...edges, min_pixels: 120 }).limits).toEqual({ min: 120, max: 200 })
    expect(rulesOf({}).limits).toEqual({ min: 3136, max: 1_003_520 })
    expect(rulesOf(edges, { max: 9, min: 5 }).limits).toEqual({ min: 5, max: 9 })
    expect(() => rulesOf(edges, { max: 9 })).toThrow('give pixels.min (--min-pixels) besides pixels.max')
    expect(() => rulesOf({ min_pixels: 'few' })).toThrow(
      '/m/preprocessor_config.json: min_pixels is "few", not a positive number',
    )
    expect(() => rulesOf({ do_resize: false })).toThrow('do_resize is false')
    expect(() => rulesOf({ resample: 0 })).toThrow('resample is 0; it can be 1 (lanczos), 2 (bilinear)')
    expect(() => rulesOf({ image_mean: [1, 2] })).toThrow('image_mean is')
  })

  test('the processor says whose arithmetic resizes, unless the caller does', () => {
    const of = (type: string, pixels: PixelOptions = {}): unknown =>
      readGridRules({ file: 'f', values: { ...config, image_processor_type: type } }, pixels).resampling
    expect(of('Qwen2VLImageProcessor')).toEqual({ resizer: 'pillow', filter: 'bicubic' })
    expect(of('Qwen2VLImageProcessorFast')).toEqual({ resizer: 'torchvision', filter: 'bicubic' })
    expect(of('Qwen2VLImageProcessor', { resizer: 'torchvision' })).toMatchObject({ resizer: 'torchvision' })
  })
})

test('a key book asks for a file once in a moment, and again after a failure', async () => {
  let time = 0
  const book = createKeyBook(() => time)
  const path = join(await temporaryFolder(), 'a.png')
  await expect(book.get(path)).rejects.toThrow(`cannot read the image ${path}`)
  await writeFile(path, 'one')
  book.refresh()
  const first = await book.get(path)
  await writeFile(path, 'longer')
  book.refresh()
  expect(await book.get(path)).toBe(first)
  time = 2001
  book.refresh()
  expect(await book.get(path)).not.toBe(first)
  expect([...(await book.all([path, '/nowhere'])).keys()]).toEqual([path])
  book.put(path, 'key')
  expect(await book.get(path)).toBe('key')
})

describe('logits', () => {
  const logits = Float32Array.of(9, 1, 3, 2, 3, 9)

  test('the two best of a slice; the first of equal ones', () => {
    expect(topTwo(logits, 1, 4)).toEqual({ token: 1, margin: 0 })
    expect(topTwo(logits, 1, 2)).toEqual({ token: 1, margin: 2 })
    expect(topTwo(Float32Array.of(NaN, NaN), 0, 2)).toBeUndefined()
  })

  test('log softmax', () => {
    expect(logProbability(logits, 1, 2, 0)).toBeCloseTo(-2.126928, 6)
    expect(logProbability(Float32Array.of(1000, 0), 0, 2, 0)).toBe(0)
    expect(logProbability(Float32Array.of(5), 0, 1, 0)).toBe(0)
  })

  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0001, 2 ** -24],
    [0x7c00, Infinity],
    [0x8000, -0],
  ])('half precision 0x%s is %d', (bits, value) => {
    expect(halfToFloat(bits)).toBe(value)
  })
})

describe('key-value blocks', () => {
  const layout = { layers: 1, heads: 2, headDim: 1, type: 'float32' } as const
  const tensor = (values: number[], dims: number[]): ort.Tensor =>
    new ort.Tensor('float32', Float32Array.from(values), dims)
  const block: KvBlock = {
    rows: 2,
    slots: 3,
    mask: Uint8Array.of(1, 1, 0, 1, 1, 1),
    next: Int32Array.of(2, 3),
    past: [tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 2, 3, 1])],
  }

  test('gatherRows repeats and reorders rows, and copies nothing when nothing changes', () => {
    const { past, mask, next, rows } = gatherRows(ort, block, [1, 0, 1])
    expect([...(past[0]!.data as Float32Array)]).toEqual([
      7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ])
    expect([rows, [...mask], [...next]]).toEqual([3, [1, 1, 1, 1, 1, 0, 1, 1, 1], [3, 2, 3]])
    expect(gatherRows(ort, block, [0, 1])).toBe(block)
  })

  test('firstSlots cuts every head', () => {
    const cut = firstSlots(ort, gatherRows(ort, block, [1]), 2)
    expect([...(cut.past[0]!.data as Float32Array)]).toEqual([7, 8, 10, 11])
    expect(cut.past[0]!.dims).toEqual([1, 2, 2, 1])
    expect(() => firstSlots(ort, block, 1)).toThrow('a block of 2 rows cannot be cut')
  })

  test('half precision caches stay half precision', () => {
    const half = emptyBlock(ort, { ...layout, type: 'float16' })
    expect(half.past[0]!.type).toBe('float16')
    const past = [new ort.Tensor('float16', Uint16Array.of(1, 2), [1, 2, 1, 1])]
    const two = gatherRows(ort, { ...half, slots: 1, mask: Uint8Array.of(1), past }, [0, 0])
    expect([...(two.past[0]!.data as unknown as Uint16Array)]).toEqual([1, 2, 1, 2])
  })
})

test('LruCache drops what was not used for longest, and keeps its budget', () => {
  const cache = new LruCache<number>(10, (size) => size)
  cache.set('a', 4)
  cache.set('b', 4)
  cache.get('a')
  cache.set('c', 4)
  expect([cache.has('a'), cache.has('b'), cache.has('c'), cache.bytes]).toEqual([true, false, true, 8])
  cache.set('huge', 11)
  expect([cache.has('huge'), cache.bytes]).toEqual([false, 8])
  cache.set('a', 1)
  expect(cache.bytes).toBe(5)
})

test('protocols are compared field by field', () => {
  const protocol: Protocol = {
    backend: 'onnx',
    model: 'm',
    files: { 'config.json': 'aa' },
    template: 'shapes',
    system: null,
    decoding: { maxNewTokens: 5, beams: 1 },
    pixels: { min: 1, max: 2 },
    postprocess: 'trim',
    metric: 'vqa-loo',
  }
  const other = { ...protocol, files: { 'config.json': 'bb' }, system: 'x' }
  expect(compareProtocols(protocol, other)).toEqual([
    'files.config.json: "aa" against "bb"',
    'system: null against "x"',
  ])
  expect(compareProtocols(protocol, { ...protocol })).toEqual([])
  expect(hashProtocol({ ...protocol })).toBe(hashProtocol(protocol))
  expect(hashProtocol(other)).not.toBe(hashProtocol(protocol))
})
