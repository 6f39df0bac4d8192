import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ImageFacts } from './facts.ts'

/** Files that are read at a time. */
const AT_ONCE = 8

/**
 * A key for every file, equal for files of equal bytes: the SHA-256 of the bytes where another file has as many of them,
 * else the path. Files of a size of their own have no twin, so they are not
 * read; empty files are no pictures.
 */
export async function contentsOf(
  paths: ReadonlySet<string>,
  facts: ImageFacts,
): Promise<ReadonlyMap<string, string>> {
  const bySize = new Map<number, string[]>()
  const contents = new Map<string, string>()
  for (const path of paths) {
    contents.set(path, path)
    const size = facts.sizeOf(path)
    if (size === undefined || size === 0) continue
    const others = bySize.get(size)
    if (others === undefined) bySize.set(size, [path])
    else others.push(path)
  }
  const doubtful = [...bySize.values()].filter((same) => same.length > 1).flat()
  await forEach(doubtful, AT_ONCE, async (path) => {
    const hash = await facts.fact(path, 'sha256', async () => {
      const bytes = await readFile(path).catch(() => undefined)
      return bytes && createHash('sha256').update(bytes).digest('hex')
    })
    if (hash !== undefined) contents.set(path, hash)
  })
  return contents
}

/** Works on all items, `atOnce` of them at a time. */
export async function forEach<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}
