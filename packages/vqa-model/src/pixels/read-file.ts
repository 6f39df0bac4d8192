import { constants, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { ImageError } from './image-error.ts'
import { checkBytes, imageLimits, type ImageLimits } from './limits.ts'

/**
 * The bytes of an image file. Pipes, devices, sockets and folders are refused without waiting for them.
 *
 * @throws ImageError if it is not a regular file, has more bytes than the limit, or cannot be read
 */
export async function readImageFile(path: string, limits: ImageLimits = imageLimits()): Promise<Buffer> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const found = await file.stat()
      if (!found.isFile()) throw new Error(`it is ${kindOf(found)}, not a file`)
      checkBytes(found.size, limits)
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new ImageError(path, `read the image ${path}`, cause)
  }
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a named pipe'
  if (found.isSocket()) return 'a socket'
  return 'a device'
}
