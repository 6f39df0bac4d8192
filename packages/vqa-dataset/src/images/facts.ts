import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeAtomic } from '../atomic.ts'

/** Changes when the meaning of a cached fact does. */
const VERSION = 1
/** Files whose facts are fewer than this are looked at again faster than a cache is worth. */
const KEPT_FROM_FILES = 1000

/** What is known about a file as long as its size and time of change stay. */
interface Known {
  readonly size: number
  readonly mtimeMs: number
  /** In hexadecimal digits. */
  sha256?: string
  /** The size and a hash of the bytes in the middle. */
  middle?: string
  /** As `encodeLook` writes it. */
  look?: string
}

/** Facts about image files, each found out once. */
export interface ImageFacts {
  /** Bytes of the file; undefined when it is not there. */
  sizeOf(path: string): number | undefined
  /** A fact as it is known, else as `find` gives it; undefined where the file is not there or tells nothing. */
  fact(
    path: string,
    name: 'sha256' | 'middle' | 'look',
    find: () => Promise<string | undefined>,
  ): Promise<string | undefined>
  /** Keeps what was found out for the next time, where it is worth it and a folder was given. */
  save(): Promise<void>
}

/**
 * Facts about files, from `<cache>/image-facts/<key of their folders>.json` where it is there. A fact counts only while
 * path, size and time of change are the same; a damaged file counts as none, and one that cannot be written is left out.
 */
export async function openImageFacts(paths: Iterable<string>, cache?: string): Promise<ImageFacts> {
  const known = new Map<string, Known>()
  const folders = [...new Set(Array.from(paths, (path) => dirname(path)))].sort()
  const key = createHash('sha256')
    .update(JSON.stringify([VERSION, folders]))
    .digest('hex')
  const file = cache === undefined ? undefined : join(cache, 'image-facts', `${key}.json`)
  const before = file === undefined ? {} : await readKept(file)
  let found = 0
  const of = (path: string): Known | undefined => {
    const there = known.get(path)
    if (there !== undefined) return there
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    const { size, mtimeMs } = stats
    const kept = before[path]
    const now = kept?.size === size && kept.mtimeMs === mtimeMs ? kept : { size, mtimeMs }
    known.set(path, now)
    return now
  }
  return {
    sizeOf: (path) => of(path)?.size,
    async fact(path, name, find) {
      const about = of(path)
      if (about === undefined) return undefined
      if (about[name] === undefined) {
        const value = await find()
        if (value === undefined) return undefined
        about[name] = value
        found += 1
      }
      return about[name]
    },
    async save() {
      if (file === undefined || found < KEPT_FROM_FILES) return
      found = 0
      try {
        await mkdir(dirname(file), { recursive: true })
        await writeAtomic(file, JSON.stringify({ ...before, ...Object.fromEntries(known) }))
      } catch {
        // Found out again the next time.
      }
    },
  }
}

async function readKept(file: string): Promise<Readonly<Record<string, Known | undefined>>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, Known>
  } catch {
    return {}
  }
}
