import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { hashBytes, writeFileAtomic } from '@lever/durable-files'
import type { EncodedImage } from './images.ts'

/** Encoded images on disk, for later processes. No call throws: without its entry an image is encoded again. */
export interface ImageDisk {
  /** Path of the entry of an image file with these bytes. */
  entryOf(file: Uint8Array): string
  /** The image of an entry; undefined when it is not there or damaged. */
  get(entry: string): Promise<EncodedImage | undefined>
  put(entry: string, image: EncodedImage): Promise<void>
}

export interface ImageDiskOptions {
  folder: string
  /** most bytes of all entries; what was not used for longest goes first */
  bytes: number
  /** hash of everything besides the image's bytes that its features depend on */
  model: string
}

const DIGEST = 32
const HEADER = DIGEST + 8
const ENDING = '.features'

/**
 * A folder of entries, named by the hash of the image's bytes, the model and the pixel limits: SHA-256 of what follows
 * (32 bytes), height and width of the grid (2 x uint32), features (float32), little endian. Several processes may use
 * one folder: each looks at what all have written when it has itself written an eighth of the budget since it last
 * looked, and makes room for another eighth.
 */
export function openImageDisk({ folder, bytes, model }: ImageDiskOptions): ImageDisk {
  const step = bytes / 8
  let written = Infinity

  async function makeRoom(): Promise<void> {
    // Also what a killed writer left half written.
    const names = (await readdir(folder)).filter((name) => name.includes(ENDING))
    const entries = await Promise.all(
      names.map(async (name) => {
        const path = join(folder, name)
        const found = await stat(path).catch(() => undefined)
        return { path, size: found?.size ?? 0, time: found?.mtimeMs ?? 0 }
      }),
    )
    let used = entries.reduce((sum, { size }) => sum + size, 0)
    if (used <= bytes) return
    for (const { path, size } of entries.sort((a, b) => a.time - b.time)) {
      if (used <= bytes - step) break
      await unlink(path).catch(() => undefined)
      used -= size
    }
  }

  return {
    entryOf: (file) => join(folder, `${hashBytes(`${hashBytes(file)} ${model}`)}${ENDING}`),
    async get(entry) {
      try {
        const image = decode(await readFile(entry))
        if (image === undefined) await unlink(entry)
        else await utimes(entry, new Date(), new Date())
        return image
      } catch {
        return undefined
      }
    },
    async put(entry, image) {
      try {
        const data = encode(image)
        if (data.length > bytes) return
        await mkdir(folder, { recursive: true })
        await writeFileAtomic(entry, data)
        written += data.length
        if (written <= step) return
        written = 0
        await makeRoom()
      } catch {
        return
      }
    },
  }
}

function encode({ grid, features }: EncodedImage): Buffer {
  const data = Buffer.alloc(HEADER + features.byteLength)
  data.writeUInt32LE(grid.height, DIGEST)
  data.writeUInt32LE(grid.width, DIGEST + 4)
  data.set(new Uint8Array(features.buffer, features.byteOffset, features.byteLength), HEADER)
  createHash('sha256').update(data.subarray(DIGEST)).digest().copy(data)
  return data
}

function decode(data: Buffer): EncodedImage | undefined {
  const digest = createHash('sha256').update(data.subarray(DIGEST)).digest()
  if (data.length < HEADER || !digest.equals(data.subarray(0, DIGEST))) return undefined
  const body = data.subarray(HEADER)
  const features = new Float32Array(body.length / 4)
  new Uint8Array(features.buffer).set(body)
  const grid = { height: data.readUInt32LE(DIGEST), width: data.readUInt32LE(DIGEST + 4) }
  return { grid, features }
}
