import type { Random } from '@lever/reward-utils'

/** A text that is equal for equal ordered sequences only. */
export function pointerKey(pointer: readonly number[]): string {
  return pointer.join(',')
}

/** Number of ordered sequences of K distinct out of N: N!/(N-K)!. */
export function countSequences(n: number, shots: number): number {
  let count = 1
  for (let i = 0; i < shots; i++) count *= n - i
  return count
}

/** All ordered sequences of K distinct out of N, in lexicographic order. */
export function* allSequences(n: number, shots: number, start: readonly number[] = []): Generator<number[]> {
  if (start.length === shots) {
    yield [...start]
    return
  }
  for (let position = 0; position < n; position++) {
    if (!start.includes(position)) yield* allSequences(n, shots, [...start, position])
  }
}

/** Up to `count` different sequences outside `taken`, uniform without replacement. */
export function drawSequences(
  random: Random,
  n: number,
  shots: number,
  count: number,
  taken: ReadonlySet<string> = new Set(),
): number[][] {
  const total = countSequences(n, shots)
  if (total <= 4 * (count + taken.size)) {
    const all = [...allSequences(n, shots)].filter((pointer) => !taken.has(pointerKey(pointer)))
    return random.sample(all, Math.min(count, all.length))
  }
  const positions = Array.from({ length: n }, (_, i) => i)
  const seen = new Set(taken)
  const drawn: number[][] = []
  while (drawn.length < count) {
    const pointer = random.sample(positions, shots)
    const key = pointerKey(pointer)
    if (seen.has(key)) continue
    seen.add(key)
    drawn.push(pointer)
  }
  return drawn
}
