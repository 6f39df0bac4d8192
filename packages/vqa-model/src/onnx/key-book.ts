import { imageKey } from './images.ts'

/** Keys of image files, so that a file is not asked for its size and time again and again. */
export interface KeyBook {
  /** Forgets keys older than a moment, and failures. */
  refresh(): void
  /** @throws Error naming the file when it is not there */
  get(path: string): Promise<string>
  /** Keys of the files that are there. */
  all(paths: Iterable<string>): Promise<Map<string, string>>
  /** Takes a key that somebody else has just asked for. */
  put(path: string, key: string): void
}

/** For so long a file is taken as unchanged, milliseconds. */
const MOMENT = 2000

export function createKeyBook(now: () => number = () => performance.now()): KeyBook {
  const known = new Map<string, { key: Promise<string>; since: number }>()

  function get(path: string): Promise<string> {
    const entry = known.get(path)
    if (entry !== undefined) return entry.key
    const key = imageKey(path)
    const made = { key, since: now() }
    known.set(path, made)
    key.catch(() => (made.since = -Infinity))
    return key
  }

  return {
    get,
    refresh() {
      const oldest = now() - MOMENT
      for (const [path, { since }] of known) if (since < oldest) known.delete(path)
    },
    async all(paths) {
      const found = new Map<string, string>()
      const asked = [...paths].map(async (path) => [path, await get(path).catch(() => undefined)] as const)
      for (const [path, key] of await Promise.all(asked)) if (key !== undefined) found.set(path, key)
      return found
    },
    put(path, key) {
      known.set(path, { key: Promise.resolve(key), since: now() })
    },
  }
}
