import { mkdir, open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { canonicalJson, InputError } from '@lever/durable-files'
import { openEventFile } from './tensorboard.ts'

/** `metrics.jsonl`, one row a line. */
export interface MetricsLog {
  /** Length in bytes. */
  readonly bytes: number
  append(rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the log and cuts it to a length that is known to be good. `events` is the path of a TensorBoard event file to write
 * beside it.
 * @throws InputError if the file is shorter than that, or nothing of it is known and something else wrote it
 */
export async function openMetricsLog(path: string, bytes: number, events?: string): Promise<MetricsLog> {
  await mkdir(dirname(path), { recursive: true })
  const handle = await open(path, 'a+')
  const { size } = await handle.stat()
  if (size < bytes) {
    await handle.close()
    throw new InputError(
      `grpo-trainer: ${path} has ${size} bytes, but ${bytes} were written; restore it or use another output folder`,
    )
  }
  if (bytes === 0 && !(await isOurs(handle))) {
    await handle.close()
    throw new InputError(
      `grpo-trainer: ${path} was not written by a training of this package and is not overwritten; use another output folder`,
    )
  }
  await handle.truncate(bytes)
  const board = events === undefined ? undefined : await openEventFile(events, await readRows(path))
  let length = bytes
  return {
    get bytes() {
      return length
    },
    async append(rows) {
      if (rows.length === 0) return
      const data = Buffer.from(rows.map((row) => `${canonicalJson(row)}\n`).join(''))
      await handle.appendFile(data).catch((cause: unknown) => {
        const { message } = cause as Error
        throw new Error(`grpo-trainer: cannot write ${path}: ${message}; free some space and train on`, {
          cause,
        })
      })
      length += data.length
      await board?.append(rows)
    },
    sync: () => handle.sync(),
    async close() {
      await handle.close()
      await board?.close()
    },
  }
}

/** Is it empty, or does it begin as every log of ours, as far as it goes? */
async function isOurs(handle: FileHandle): Promise<boolean> {
  const start = Buffer.from('{"event":"audit"')
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(start.length), 0, start.length, 0)
  return buffer.subarray(0, bytesRead).equals(start.subarray(0, bytesRead))
}

async function readRows(path: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
