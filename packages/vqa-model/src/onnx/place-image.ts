import type { ModelFolder } from './folder.ts'
import type { EncodedImage } from './images.ts'
import type { VisualTokens } from './segments.ts'
import type { TextCodec } from './tokenizer.ts'

/** The tokens that stand in a prompt for an image, with its visual tokens among them. */
export type PlaceImage = (image: EncodedImage) => (Int32Array | VisualTokens)[]

/** How the family of a model writes images; see `ModelFamily.images`. */
export function imagePlacer(
  folder: ModelFolder,
  codec: Pick<TextCodec, 'encode'>,
  imageToken: string,
): PlaceImage {
  const { images } = folder.family
  if (images === 'whole') return (image) => [{ ...image, sequence: true }]
  if (images !== 'tiles') return (image) => [image]
  const { tileTokens, width, imageTokenId } = folder
  const texts = new Map<string, Int32Array>()
  return ({ grid, features }) => {
    const key = `${grid.height} x ${grid.width}`
    const ids = texts.get(key) ?? codec.encode(tileText(grid.height, grid.width, imageToken))
    texts.set(key, ids)
    const pieces: (Int32Array | VisualTokens)[] = []
    let tile = 0
    let from = 0
    for (const [at, id] of ids.entries()) {
      if (id !== imageTokenId) continue
      if (at > from) pieces.push(ids.subarray(from, at))
      const start = tile * tileTokens * width
      pieces.push({
        grid: { height: 1, width: tileTokens },
        sequence: true,
        features: features.subarray(start, start + tileTokens * width),
      })
      tile += 1
      from = at + 1
    }
    if (from < ids.length) pieces.push(ids.subarray(from))
    return pieces
  }
}

/**
 * What Idefics3 writes for an image of rows x columns tiles (0 x 0: not cut), with one image token for each tile: the
 * tiles by rows, each behind a token with its place, then the picture of the whole.
 */
export function tileText(rows: number, columns: number, imageToken: string): string {
  const around = '<fake_token_around_image>'
  let text = ''
  for (let row = 1; row <= rows; row++) {
    for (let column = 1; column <= columns; column++)
      text += `${around}<row_${row}_col_${column}>${imageToken}`
    text += '\n'
  }
  return `${text}${rows > 0 ? '\n' : ''}${around}<global-img>${imageToken}${around}`
}
