import { forEach } from './contents.ts'
import type { ImageFacts } from './facts.ts'
import { areAlike, mirrored, type Look, type LookAt } from './look.ts'
import { lookAt } from './numbering.ts'

/** Images that are decoded at a time. */
const AT_ONCE = 4

/**
 * Pairs of files that look alike: copies of one picture in another size or encoding, also mirrored. Of files in places a < b, in order
 * of b, then a. Files that cannot be read look like nothing.
 */
export async function pairsAlike(
  paths: readonly string[],
  facts: ImageFacts,
  look: LookAt,
): Promise<(readonly [number, number])[]> {
  const looks = new Map<number, Look>()
  await forEach([...paths.keys()], AT_ONCE, async (at) => {
    const found = await lookAt(paths[at]!, facts, look)
    if (found) looks.set(at, found)
  })
  const buckets = new Map<string, number[]>()
  const pairs: (readonly [number, number])[] = []
  for (const at of paths.keys()) {
    const one = looks.get(at)
    if (one === undefined) continue
    const near = new Set<number>()
    for (const look of [one, mirrored(one)]) {
      for (const key of bytesOf(look.hash)) {
        for (const other of buckets.get(key) ?? []) if (areAlike(looks.get(other)!, look)) near.add(other)
      }
    }
    for (const key of bytesOf(one.hash)) {
      const bucket = buckets.get(key)
      if (bucket === undefined) buckets.set(key, [at])
      else bucket.push(at)
    }
    for (const other of [...near].sort((a, b) => a - b)) pairs.push([other, at])
  }
  return pairs
}

/** The bytes of a hash with their places: hashes that differ in fewer than eight bits have one in common. */
function bytesOf(hash: bigint): string[] {
  return Array.from({ length: 8 }, (_, i) => `${i} ${(hash >> BigInt(8 * i)) & 0xffn}`)
}
