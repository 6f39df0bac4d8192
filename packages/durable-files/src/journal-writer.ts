import type { FileHandle } from 'node:fs/promises'
import { fileError } from './errors.ts'

interface Waiting {
  text: string
  done: (offset: number) => void
  fail: (error: Error) => void
}

/**
 * Appends lines to an open file: lines that arrive while a write is under way go out together,
 * fsync after every `syncEvery` lines. A write that fails half-way is cut off again, so that the
 * file always ends in a whole line; a failed fsync ends the writer.
 */
export class LineWriter {
  private readonly handle: FileHandle
  private readonly path: string
  private readonly syncEvery: number
  private readonly before: () => Promise<void>
  private size: number
  private unsynced = 0
  private waiting: Waiting[] = []
  private working: Promise<void> | undefined
  private broken: Error | undefined

  constructor(options: {
    handle: FileHandle
    path: string
    size: number
    syncEvery: number
    /** Runs before every write; a rejection fails the write. */
    before: () => Promise<void>
  }) {
    this.handle = options.handle
    this.path = options.path
    this.size = options.size
    this.syncEvery = options.syncEvery
    this.before = options.before
  }

  /** Resolves with the line's offset once the operating system has it. */
  append(text: string): Promise<number> {
    return new Promise((done, fail) => {
      this.waiting.push({ text, done, fail })
      this.working ??= this.work()
    })
  }

  async flush(): Promise<void> {
    while (this.working !== undefined) await this.working
    if (this.broken !== undefined) throw this.broken
    if (this.unsynced > 0) await this.sync()
  }

  private async work(): Promise<void> {
    await Promise.resolve()
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, Math.max(1, this.syncEvery - this.unsynced))
      try {
        const start = await this.write(batch)
        let offset = start
        for (const { text, done } of batch) {
          done(offset)
          offset += Buffer.byteLength(text)
        }
      } catch (error) {
        for (const { fail } of batch) fail(error as Error)
      }
    }
    this.working = undefined
  }

  private async write(batch: readonly Waiting[]): Promise<number> {
    if (this.broken !== undefined) throw this.broken
    await this.before()
    const start = this.size
    const bytes = Buffer.from(batch.map(({ text }) => text).join(''))
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, start + done)
        done += bytesWritten
      }
    } catch (error) {
      await this.cutTo(start)
      throw fileError(error, 'append to', this.path)
    }
    this.size = start + bytes.length
    this.unsynced += batch.length
    if (this.unsynced >= this.syncEvery) await this.sync()
    return start
  }

  private async cutTo(size: number): Promise<void> {
    await this.handle.truncate(size).catch((error: unknown) => {
      this.broken = fileError(error, 'repair', this.path)
    })
  }

  private async sync(): Promise<void> {
    try {
      await this.handle.datasync()
      this.unsynced = 0
    } catch (error) {
      this.broken = fileError(error, 'sync', this.path)
      throw this.broken
    }
  }
}
