import { ImageError } from '../pixels/image-error.ts'
import { pixelFacts } from '../pixels/processor-config.ts'
import { readImage } from '../pixels/read-image.ts'
import { prepareTiles, readTileRules } from '../pixels/tile-rules.ts'
import { processorConfig } from './folder.ts'
import { floatTensor, floatType, toFloats } from './half.ts'
import { checkFeatures, type ImageEncoder, type ImageEncoderOptions } from './images.ts'

/**
 * Images as Idefics3 and SmolVLM take them: resized to a longest edge, cut into tiles of the encoder's size, and a
 * small picture of the whole as the last tile; all tiles of an image run at once.
 *
 * @throws InputError if the preprocessor's configuration is unusable
 */
export function openTileEncoder({ ort, session, folder, pixels }: ImageEncoderOptions): ImageEncoder {
  const rules = readTileRules(processorConfig(folder), pixels)
  const { tile } = rules
  const output = session.outputNames.includes('image_features') ? 'image_features' : session.outputNames[0]!
  const pixelType = floatType(session, 'pixel_values')
  const masked = session.inputNames.includes('pixel_attention_mask')

  return {
    pixels: pixelFacts(rules),
    async encode(path, bytes) {
      const image = await readImage(path, bytes)
      try {
        const { grid, data, count } = prepareTiles(image, rules)
        const mask = new Uint8Array(masked ? count * tile * tile : 0).fill(1)
        const outputs = await session.run({
          pixel_values: floatTensor(ort, pixelType, data, [1, count, 3, tile, tile]),
          ...(masked ? { pixel_attention_mask: new ort.Tensor('bool', mask, [1, count, tile, tile]) } : {}),
        })
        const features = checkFeatures(toFloats(outputs[output]!), count * folder.tileTokens, folder.width)
        return { grid, features }
      } catch (cause) {
        throw new ImageError(path, `encode the image ${path} (${image.width} x ${image.height})`, cause)
      }
    },
  }
}
