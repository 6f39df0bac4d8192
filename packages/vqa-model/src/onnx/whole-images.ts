import { ImageError } from '../pixels/image-error.ts'
import { pixelFacts } from '../pixels/processor-config.ts'
import { readImage } from '../pixels/read-image.ts'
import { prepareWhole, readWholeRules } from '../pixels/whole-rules.ts'
import { processorConfig } from './folder.ts'
import { floatTensor, floatType, toFloats } from './half.ts'
import { checkFeatures, type ImageEncoder, type ImageEncoderOptions } from './images.ts'

/**
 * Images as LLaVA takes them, each whole and in one size; as many visual tokens as the encoder gives.
 *
 * @throws InputError if the preprocessor's configuration is unusable
 */
export function openWholeEncoder({ ort, session, folder, pixels }: ImageEncoderOptions): ImageEncoder {
  const rules = readWholeRules(processorConfig(folder), pixels)
  const output = session.outputNames.includes('image_features') ? 'image_features' : session.outputNames[0]!
  const pixelType = floatType(session, 'pixel_values')

  return {
    pixels: pixelFacts(rules),
    async encode(path, bytes) {
      const image = await readImage(path, bytes)
      try {
        const { data, dims } = prepareWhole(image, rules)
        const outputs = await session.run({ pixel_values: floatTensor(ort, pixelType, data, dims) })
        const floats = toFloats(outputs[output]!)
        const count = Math.floor(floats.length / folder.width)
        return { grid: { height: 1, width: count }, features: checkFeatures(floats, count, folder.width) }
      } catch (cause) {
        throw new ImageError(path, `encode the image ${path} (${image.width} x ${image.height})`, cause)
      }
    },
  }
}
