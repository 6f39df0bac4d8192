/** A growing list of numbers in blocks: growing copies nothing and leaves less than one block unused. */
export interface Column {
  readonly length: number
  at(index: number): number
  push(value: number): void
  clear(): void
}

type Block = Int32Array | Float64Array | Uint8Array

const BLOCK_BITS = 14
const BLOCK = 1 << BLOCK_BITS

/** The type of array says which numbers the column can hold. */
export function createColumn(type: new (length: number) => Block = Int32Array): Column {
  let blocks: Block[] = []
  let length = 0
  return {
    get length() {
      return length
    },
    at: (index) => blocks[index >> BLOCK_BITS]![index & (BLOCK - 1)]!,
    push(value) {
      const place = length & (BLOCK - 1)
      if (place === 0) blocks.push(new type(BLOCK))
      blocks[length >> BLOCK_BITS]![place] = value
      length++
    },
    clear() {
      blocks = []
      length = 0
    },
  }
}
