import { prepareGrid, readGridRules } from '../pixels/grid.ts'
import { ImageError } from '../pixels/image-error.ts'
import { pixelFacts } from '../pixels/processor-config.ts'
import { readImage } from '../pixels/read-image.ts'
import { processorConfig } from './folder.ts'
import { floatTensor, floatType, toFloats } from './half.ts'
import { checkFeatures, type ImageEncoder, type ImageEncoderOptions } from './images.ts'

/**
 * Reads and prepares images and runs the vision encoder on one at a time, as Qwen2-VL does.
 *
 * @throws InputError if the preprocessor's configuration is unusable
 */
export function openGridEncoder({ ort, session, folder, pixels }: ImageEncoderOptions): ImageEncoder {
  const rules = readGridRules(processorConfig(folder), pixels)
  const gridInput = session.inputNames.find((name) => name.endsWith('grid_thw')) ?? 'image_grid_thw'
  const output = session.outputNames.includes('image_features') ? 'image_features' : session.outputNames[0]!
  const pixelType = floatType(session, 'pixel_values')

  return {
    pixels: pixelFacts(rules),
    async encode(path, bytes) {
      const image = await readImage(path, bytes)
      try {
        const { data, gridH, gridW } = prepareGrid(image, rules)
        const rows = gridH * gridW
        const features = await session.run({
          pixel_values: floatTensor(ort, pixelType, data, [rows, data.length / rows]),
          [gridInput]: new ort.Tensor('int64', BigInt64Array.of(1n, BigInt(gridH), BigInt(gridW)), [1, 3]),
        })
        const grid = { height: gridH / rules.merge, width: gridW / rules.merge }
        return {
          grid,
          features: checkFeatures(toFloats(features[output]!), grid.height * grid.width, folder.width),
        }
      } catch (cause) {
        throw new ImageError(path, `encode the image ${path} (${image.width} x ${image.height})`, cause)
      }
    },
  }
}
