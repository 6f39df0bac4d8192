import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { prepareCrops, readClipRules } from '../../src/pixels/crop-rules.ts'
import { prepareGrid, readGridRules } from '../../src/pixels/grid.ts'
import type { Resizer } from '../../src/pixels/resample.ts'
import type { RgbImage } from '../../src/pixels/rgb-image.ts'
import { prepareTiles, readTileRules } from '../../src/pixels/tile-rules.ts'
import { prepareWhole, readWholeRules } from '../../src/pixels/whole-rules.ts'

/** What Python's image processors make of files and generated images; fixtures/golden/pixels/README.md. */
export const goldenFolder: string = fileURLToPath(
  new URL('../../../../fixtures/golden/pixels/', import.meta.url),
)

export interface Summary {
  sha256: string
  samples: number[]
}

export interface Processed extends Partial<Summary> {
  image?: string
  size?: [width: number, height: number]
  processor: string
  resizer: Resizer
  dims?: number[]
  grid?: [height: number, width: number]
  error?: string
}

export interface Golden {
  processors: Record<string, Record<string, unknown>>
  decoded: Record<string, Summary & { size: [width: number, height: number] }>
  processed: Processed[]
}

export const golden = JSON.parse(readFileSync(`${goldenFolder}expected.json`, 'utf8')) as Golden

/** The generated image of a size; its numbers stay below 2^31. */
export function pattern(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const base = 3 * x * x + 5 * y * y + 7 * x * y + 29 * ((x >> 3) ^ (y >> 2))
      for (let c = 0; c < 3; c++) data[at++] = ((base + 85 * c) / 4) & 255
    }
  }
  return { data, width, height }
}

/** Classes of processors that find the size of an image each in their own way. */
const WHOLE = new Map([
  ['siglip', 'SiglipImageProcessor'],
  ['llava-padded', 'LlavaImageProcessor'],
  ['llava-onevision', 'LlavaOnevisionImageProcessor'],
])

/** The tensor of an image, its dimensions and its grid. */
export function prepare(
  image: RgbImage,
  { processor, resizer }: Pick<Processed, 'processor' | 'resizer'>,
): { data: Float32Array; dims: number[]; grid?: number[] } {
  const type = `${WHOLE.get(processor) ?? 'AnyImageProcessor'}${resizer === 'torchvision' ? 'Fast' : ''}`
  const values = { ...golden.processors[processor]!, image_processor_type: type }
  const config = { file: 'preprocessor_config.json', values }
  if (WHOLE.has(processor)) return prepareWhole(image, readWholeRules(config))
  if (processor === 'clip') return prepareCrops([image], readClipRules(config))
  if (/^idefics|^smolvlm/.test(processor)) {
    const rules = readTileRules(config)
    const { data, count, grid } = prepareTiles(image, rules)
    return { data, dims: [1, count, 3, rules.tile, rules.tile], grid: [grid.height, grid.width] }
  }
  const { data, gridH, gridW } = prepareGrid(image, readGridRules(config))
  const rows = gridH * gridW
  return { data, dims: [rows, data.length / rows], grid: [gridH, gridW] }
}

/** Hash of little-endian values, and those at the places that the Python script chooses. */
export function summarise(values: Uint8Array | Float32Array): Summary {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const samples = Array.from({ length: 16 }, (_, i) => values[(7919 * i * i + 104729 * i) % values.length]!)
  return { sha256: createHash('sha256').update(bytes).digest('hex'), samples }
}
