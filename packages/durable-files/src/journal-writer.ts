import { stat, type FileHandle } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { fileError, systemCode } from './errors.ts'

interface Waiting {
  text: string
  done: (offset: number) => void
  fail: (error: Error) => void
}

/** The path is looked at with every fsync, and when a write comes this long after the last look. */
const LOOK_AFTER_MS = 1000

/**
 * Appends lines to an open file: lines that arrive while a write is under way go out together,
 * fsync after every `syncEvery` lines. A write that fails half-way is cut off again, so that the
 * file always ends in a whole line; a failed fsync ends the writer, and so does a file that is no longer at its path.
 */
export class LineWriter {
  private readonly handle: FileHandle
  private readonly path: string
  private readonly syncEvery: number
  private readonly before: () => Promise<void>
  private size: number
  private unsynced = 0
  private lookedAt = performance.now()
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
    else await this.checkPlace()
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
    if (performance.now() - this.lookedAt > LOOK_AFTER_MS) await this.checkPlace()
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
    await this.checkPlace()
  }

  /** Ends the writer when the path is no longer that of the open file: what is written then would be in no file. */
  private async checkPlace(): Promise<void> {
    const [here, there] = await Promise.all([
      this.handle.stat({ bigint: true }),
      stat(this.path, { bigint: true }).catch((error: unknown) => systemCode(error) ?? 'unknown'),
    ])
    this.lookedAt = performance.now()
    if (typeof there === 'object' && there.ino === here.ino && there.dev === here.dev) return
    const what = typeof there === 'object' ? 'was replaced' : `is gone (${there})`
    this.broken = new Error(
      `durable-files: ${this.path} ${what} while this process wrote to it; nothing more is written. ` +
        `Put the file or its folder back, or accept what is there now, and run the same command again: it continues from what the file holds`,
    )
    throw this.broken
  }
}
