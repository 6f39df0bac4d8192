import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Images as files, for a model that reads paths: in a folder that only this user reads, one file for equal images. */
export interface HeldImages {
  /** The file of an image while `use` runs. */
  hold<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T>
  /** Removes the folder. */
  close(): Promise<void>
}

interface Held {
  readonly path: string
  readonly written: Promise<void>
  uses: number
}

/** @param keep files that stay for a while after their use: a model remembers what it made of them */
export async function openHeldImages(keep = 64): Promise<HeldImages> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-serve-'))
  let count = 0
  const held = new Map<string, Held>()

  function newFile(bytes: Uint8Array): Held {
    // Names are used once: a file that is being removed is never the file of the same image come again.
    const path = join(folder, String((count += 1)))
    return { path, written: writeFile(path, bytes, { mode: 0o600 }), uses: 0 }
  }

  function take(bytes: Uint8Array): Held {
    const hash = createHash('sha256').update(bytes).digest('hex')
    const one = held.get(hash) ?? newFile(bytes)
    held.delete(hash)
    held.set(hash, one)
    one.uses += 1
    return one
  }

  async function sweep(): Promise<void> {
    const idle = [...held].filter(([, { uses }]) => uses === 0)
    for (const [hash, { path }] of idle.slice(0, Math.max(0, idle.length - keep))) {
      held.delete(hash)
      await rm(path, { force: true })
    }
  }

  return {
    async hold(bytes, use) {
      const one = take(bytes)
      try {
        await one.written
        return await use(one.path)
      } finally {
        one.uses -= 1
        await sweep()
      }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
