/** A map with a budget in bytes: what was not used for longest goes first. */
export class LruCache<Value> {
  readonly #budget: number
  readonly #sizeOf: (value: Value) => number
  readonly #entries = new Map<string, Value>()
  #bytes = 0

  constructor(budget: number, sizeOf: (value: Value) => number) {
    this.#budget = budget
    this.#sizeOf = sizeOf
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** Keeps a value, unless it alone is larger than the budget. */
  set(key: string, value: Value): void {
    const old = this.#entries.get(key)
    if (old !== undefined) this.#remove(key, old)
    const size = this.#sizeOf(value)
    if (size > this.#budget) return
    this.#entries.set(key, value)
    this.#bytes += size
    for (const [first, oldest] of this.#entries) {
      if (this.#bytes <= this.#budget) break
      this.#remove(first, oldest)
    }
  }

  #remove(key: string, value: Value): void {
    this.#entries.delete(key)
    this.#bytes -= this.#sizeOf(value)
  }
}
