/** Merged grid of an image in visual tokens: height and width. */
export interface TokenGrid {
  height: number
  width: number
}

export interface SegmentPositions {
  /** [3, S]: time, height and width of each token, from the segment's start */
  ids: Int32Array
  /** start of what follows, from this segment's start */
  advance: number
}

/**
 * M-RoPE positions of a part of a prompt (Qwen2-VL): a text token at p has (p, p, p) and moves p
 * by 1; token j of an image with a merged grid h x w has (p, p + floor(j / w), p + j mod w) and
 * the image moves p by max(h, w). Nothing depends on what stands before or after, so the
 * positions of a segment are these plus the segment's start.
 *
 * @param pieces numbers of text tokens and grids of images, in order
 */
export function segmentPositions(pieces: readonly (number | TokenGrid)[]): SegmentPositions {
  const length = pieces.reduce<number>((sum, piece) => sum + pieceLength(piece), 0)
  const ids = new Int32Array(3 * length)
  let at = 0
  let p = 0
  for (const piece of pieces) {
    const count = pieceLength(piece)
    for (let j = 0; j < count; j++, at++) {
      const text = typeof piece === 'number'
      ids[at] = text ? p + j : p
      ids[length + at] = text ? p + j : p + Math.floor(j / piece.width)
      ids[2 * length + at] = text ? p + j : p + (j % piece.width)
    }
    p += typeof piece === 'number' ? piece : Math.max(piece.height, piece.width)
  }
  return { ids, advance: p }
}

function pieceLength(piece: number | TokenGrid): number {
  return typeof piece === 'number' ? piece : piece.height * piece.width
}
