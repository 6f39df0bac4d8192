import { segmentPositions, type TokenGrid } from './positions.ts'

/** Visual tokens that follow one another: their features, and their grid where positions depend on it. */
export interface VisualTokens {
  /** `sequence`: positions as of text */
  grid: TokenGrid
  sequence?: boolean
  /** [grid.height * grid.width, D] */
  features: Float32Array
}

/** A part of a prompt as the decoder takes it. */
export interface TokenSegment {
  /** [S] token ids; the image token stands where an image's features go */
  ids: Int32Array
  images: readonly { at: number; features: Float32Array }[]
  /** [3, S] from the segment's start */
  positions: Int32Array
  advance: number
}

/** Token ids and positions of a list of texts (as ids) and images. */
export function tokenSegment(
  pieces: readonly (Int32Array | VisualTokens)[],
  imageTokenId: number,
): TokenSegment {
  const layout: (number | TokenGrid)[] = []
  const images: { at: number; features: Float32Array }[] = []
  const ids: number[] = []
  for (const piece of pieces) {
    if (piece instanceof Int32Array) {
      layout.push(piece.length)
      for (const id of piece) ids.push(id)
    } else {
      const count = piece.grid.height * piece.grid.width
      layout.push(piece.sequence === true ? count : piece.grid)
      images.push({ at: ids.length, features: piece.features })
      for (let j = count; j > 0; j--) ids.push(imageTokenId)
    }
  }
  const { ids: positions, advance } = segmentPositions(layout)
  return { ids: Int32Array.from(ids), images, positions, advance }
}

/** The segments one after another as one. */
export function joinSegments(segments: readonly TokenSegment[]): TokenSegment {
  const length = segments.reduce((sum, { ids }) => sum + ids.length, 0)
  const ids = new Int32Array(length)
  const positions = new Int32Array(3 * length)
  const images: { at: number; features: Float32Array }[] = []
  let at = 0
  let start = 0
  for (const segment of segments) {
    const size = segment.ids.length
    ids.set(segment.ids, at)
    for (const { at: offset, features } of segment.images) images.push({ at: at + offset, features })
    for (let axis = 0; axis < 3; axis++) {
      for (let j = 0; j < size; j++) {
        positions[axis * length + at + j] = start + segment.positions[axis * size + j]!
      }
    }
    at += size
    start += segment.advance
  }
  return { ids, images, positions, advance: start }
}

/** A segment with text tokens after it. */
export function extendSegment(segment: TokenSegment, ids: Int32Array): TokenSegment {
  return ids.length === 0 ? segment : joinSegments([segment, tokenSegment([ids], -1)])
}
