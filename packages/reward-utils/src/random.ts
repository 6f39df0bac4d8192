/** A stream of seeded random numbers. The same seed and path give the same numbers on every platform. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  next(): number
  /** Uniform integer in 0..n-1, without modulo bias. Throws RangeError unless n is an integer in 1..2^53. */
  int(n: number): number
  /** Standard normal (Marsaglia's polar method with a logarithm made of IEEE operations only). */
  normal(): number
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[]
  /** k items without replacement, in random order, in time O(k). Throws RangeError when k is not in 0..items.length. */
  sample<T>(items: readonly T[], k: number): T[]
  /** The state, four unsigned 32-bit integers, for `restoreRandom`. */
  state(): readonly number[]
}

const LN2 = 0.6931471805599453

/**
 * An independent stream per seed and path: `createRandom(7, 'pool', queryId)` and `createRandom(7, 'pool', other)`
 * share nothing, so the order in which queries are worked on never changes a result. A number and the string of
 * its digits are different path elements.
 *
 * The generator is xoshiro128** (Blackman and Vigna, 2018), seeded by a 128-bit hash of the path.
 */
export function createRandom(seed: number | string, ...path: readonly (number | string)[]): Random {
  return streamOf(hashPath([seed, ...path]))
}

/** The stream that continues from `state`. Throws RangeError unless it is four unsigned 32-bit integers, not all 0. */
export function restoreRandom(state: readonly number[]): Random {
  const words =
    state.length === 4 && state.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32)
  if (!words || state.every((word) => word === 0)) {
    throw new RangeError(
      `reward-utils: a random state is four unsigned 32-bit integers, not all 0; got [${state.join(', ')}]`,
    )
  }
  return streamOf(Uint32Array.from(state))
}

function streamOf(s: Uint32Array): Random {
  const word = (): number => nextWord(s)
  const next = (): number => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53

  const int = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 53) {
      throw new RangeError(`reward-utils: int(n) needs an integer n in 1..2^53, got ${n}`)
    }
    const [range, draw] = n <= 2 ** 32 ? [2 ** 32, word] : [2 ** 53, () => next() * 2 ** 53]
    const limit = range - (range % n)
    let value = draw()
    while (value >= limit) value = draw()
    return value % n
  }

  const normal = (): number => {
    for (;;) {
      const u = 2 * next() - 1
      const v = 2 * next() - 1
      const square = u * u + v * v
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * logarithm(square)) / square)
    }
  }

  const sample = <T>(items: readonly T[], k: number): T[] => {
    if (!Number.isInteger(k) || k < 0 || k > items.length) {
      throw new RangeError(`reward-utils: cannot sample ${k} of ${items.length} items without replacement`)
    }
    const moved = new Map<number, number>()
    const chosen: T[] = []
    for (let i = 0; i < k; i++) {
      const j = i + int(items.length - i)
      chosen.push(items[moved.get(j) ?? j] as T)
      moved.set(j, moved.get(i) ?? i)
    }
    return chosen
  }

  return {
    next,
    int,
    normal,
    sample,
    shuffle: (items) => sample(items, items.length),
    state: () => Array.from(s),
  }
}

function nextWord(s: Uint32Array): number {
  const a = s[0]!
  const b = s[1]!
  const c = s[2]!
  const d = s[3]!
  const scaled = Math.imul(b, 5)
  const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0
  const c1 = c ^ a
  const d1 = d ^ b
  s[0] = a ^ d1
  s[1] = b ^ c1
  s[2] = c1 ^ (b << 9)
  s[3] = (d1 << 11) | (d1 >>> 21)
  return result
}

function hashPath(path: readonly (number | string)[]): Uint32Array {
  const lanes = Uint32Array.of(0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f)
  const text = path.map(encodeElement).join('')
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    for (let lane = 0; lane < 4; lane++) {
      const mixed = Math.imul(lanes[lane]! ^ unit, 0x01000193 + 2 * lane)
      lanes[lane] = mixed ^ (lanes[(lane + 1) % 4]! >>> 15)
    }
  }
  for (let round = 0; round < 8; round++) {
    lanes[round % 4] = finish(lanes[round % 4]! + lanes[(round + 3) % 4]! + round)
  }
  if (lanes.every((lane) => lane === 0)) lanes[0] = 1
  return lanes
}

function encodeElement(element: number | string): string {
  if (typeof element === 'number' && !Number.isFinite(element)) {
    throw new RangeError(
      `reward-utils: a seed or path element must be a finite number or a string, got ${element}`,
    )
  }
  const text = String(element)
  return `${typeof element === 'number' ? 'n' : 's'}${text.length}:${text}`
}

function finish(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** ln x for 0 < x < 1 by halving into [sqrt(1/2), sqrt(2)] and 2 atanh((x-1)/(x+1)); error under 1e-15 relative. */
function logarithm(x: number): number {
  let mantissa = x
  let exponent = 0
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    exponent -= 1
  }
  const z = (mantissa - 1) / (mantissa + 1)
  const square = z * z
  let sum = 0
  for (let term = 21; term >= 1; term -= 2) sum = sum * square + 1 / term
  return 2 * z * sum + exponent * LN2
}
