import type { Source } from './source.ts'
import { yauzl } from './yauzl.ts'

const WINDOW = 1 << 16

/**
 * Gives yauzl the bytes of a source, through a window of 64 KB: the directory of an archive is
 * read in steps of 46 bytes. A place outside the source is answered by "no bytes".
 */
export class SourceReader extends yauzl.RandomAccessReader {
  private readonly source: Source
  private window: Uint8Array = new Uint8Array(0)
  private start = 0

  constructor(source: Source) {
    super()
    this.source = source
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const { size } = this.source
    if (!Number.isSafeInteger(position) || position < 0 || position + length > size) {
      callback(null, 0)
      return
    }
    const from = position - this.start
    if (from >= 0 && from + length <= this.window.length) {
      buffer.set(this.window.subarray(from, from + length), offset)
      callback(null, length)
      return
    }
    const want = Math.min(Math.max(WINDOW, length), size - position)
    this.source.read(position, want).then(
      (bytes) => {
        this.window = bytes
        this.start = position
        buffer.set(bytes.subarray(0, length), offset)
        callback(null, length)
      },
      (error: unknown) => callback(error as Error),
    )
  }
}
