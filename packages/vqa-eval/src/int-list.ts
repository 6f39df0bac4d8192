/** A growing list of 32-bit integers. */
export interface IntList {
  readonly length: number
  at(index: number): number
  push(value: number): void
  clear(): void
}

export function createIntList(): IntList {
  let values = new Int32Array(1024)
  let length = 0
  return {
    get length() {
      return length
    },
    at: (index) => values[index]!,
    push(value) {
      if (length === values.length) {
        const larger = new Int32Array(length * 2)
        larger.set(values)
        values = larger
      }
      values[length++] = value
    },
    clear() {
      length = 0
    },
  }
}
