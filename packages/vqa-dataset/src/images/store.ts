import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { writeAtomic } from '../atomic.ts'

/** Images by content: `<first two digits>/<sha256>.<extension>` under one folder. */
export interface ImageStore {
  /** Keeps an image, once, and gives its path inside the folder. Throws InputError when it cannot be written. */
  put(bytes: Uint8Array): Promise<string>
}

export function openImageStore(folder: string): ImageStore {
  const made = new Set<string>()
  const kept = new Set<string>()
  return {
    async put(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex')
      const name = join(hash.slice(0, 2), `${hash}.${extensionOf(bytes)}`)
      if (kept.has(name)) return name
      const path = join(folder, name)
      const there = await stat(path).catch(() => undefined)
      if (there?.size !== bytes.length) {
        try {
          if (!made.has(hash.slice(0, 2))) await mkdir(join(folder, hash.slice(0, 2)), { recursive: true })
          made.add(hash.slice(0, 2))
          await writeAtomic(path, bytes, { sync: false })
        } catch (cause) {
          throw new InputError(
            `vqa-dataset: cannot keep images in ${folder} (${(cause as NodeJS.ErrnoException).code ?? String(cause)}); choose another cache folder (LEVER_CACHE for the command)`,
            { cause },
          )
        }
      }
      kept.add(name)
      return name
    },
  }
}

/** Whether a path is one that a store gives. */
export function isKeptImage(path: string): boolean {
  return /^[0-9a-f]{2}[\\/][0-9a-f]{64}\.\w+$/.test(path)
}

/** By the first bytes; `bin` for what is not an image we know. */
function extensionOf(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  if (head.startsWith('\xff\xd8\xff')) return 'jpg'
  if (head.startsWith('\x89PNG')) return 'png'
  if (head.startsWith('GIF8')) return 'gif'
  return head.startsWith('RIFF') && head.endsWith('WEBP') ? 'webp' : 'bin'
}
