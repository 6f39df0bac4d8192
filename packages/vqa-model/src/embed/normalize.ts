/** Divides every row of [n, dim] by its length, in place; a row of zeros stays. */
export function normalizeRows(rows: Float32Array, dim: number): Float32Array {
  for (let start = 0; start < rows.length; start += dim) {
    let sum = 0
    for (let i = start; i < start + dim; i++) sum += rows[i]! * rows[i]!
    if (sum === 0) continue
    const scale = 1 / Math.sqrt(sum)
    for (let i = start; i < start + dim; i++) rows[i]! *= scale
  }
  return rows
}

/**
 * One row of images and texts per example: their halves side by side, or their mean, of length
 * 1. Side by side, the inner product of two rows is the mean of the two cosines.
 *
 * @throws RangeError if the mean of rows of different length is asked for
 */
export function joinRows(
  images: Float32Array,
  texts: Float32Array,
  { dim, both }: { dim: { image: number; text: number }; both: 'concatenate' | 'average' },
): { rows: Float32Array; dim: number } {
  if (both === 'average') {
    if (dim.image !== dim.text) {
      throw new RangeError(`vqa-model: rows of ${dim.image} and ${dim.text} numbers have no mean`)
    }
    return {
      rows: normalizeRows(
        images.map((value, i) => (value + texts[i]!) / 2),
        dim.image,
      ),
      dim: dim.image,
    }
  }
  const total = dim.image + dim.text
  const count = images.length / dim.image
  const rows = new Float32Array(count * total)
  for (let row = 0; row < count; row++) {
    rows.set(images.subarray(row * dim.image, (row + 1) * dim.image), row * total)
    rows.set(texts.subarray(row * dim.text, (row + 1) * dim.text), row * total + dim.image)
  }
  return { rows: normalizeRows(rows, total), dim: total }
}
