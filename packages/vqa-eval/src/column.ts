/** A growing list of 32-bit integers in blocks: growing copies nothing and leaves less than one block unused. */
export interface Column {
  readonly length: number
  at(index: number): number
  push(value: number): void
  clear(): void
}

const BLOCK_BITS = 14
const BLOCK = 1 << BLOCK_BITS

export function createColumn(): Column {
  let blocks: Int32Array[] = []
  let length = 0
  return {
    get length() {
      return length
    },
    at: (index) => blocks[index >> BLOCK_BITS]![index & (BLOCK - 1)]!,
    push(value) {
      const place = length & (BLOCK - 1)
      if (place === 0) blocks.push(new Int32Array(BLOCK))
      blocks[length >> BLOCK_BITS]![place] = value
      length++
    },
    clear() {
      blocks = []
      length = 0
    },
  }
}
