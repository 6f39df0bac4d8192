import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, stat, truncate, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isInputError } from '@lever/durable-files'
import { causeOf, type RemoteFile } from './listing.ts'

export interface FileDownload {
  url: string
  headers: Readonly<Record<string, string>>
  file: RemoteFile
  /** folder that the path of the file starts from */
  folder: string
  /** what the file is a part of, as errors name it */
  owner: string
  /** the error for a status that no further attempt will change */
  refusal: (url: string, status: number) => Error
  signal?: AbortSignal | undefined
  /** called with the bytes that are there, also those of an earlier attempt */
  onProgress: (bytes: number) => void
  /** attempts in a row without one new byte before the download fails */
  attempts: number
  /** milliseconds without a byte after which an attempt is given up */
  patience: number
  /** first pause between attempts in milliseconds; doubles */
  pause: number
}

/**
 * Downloads one file: into `<file>.<hash>.part`, continued by a Range request after an interruption, checked by size
 * and hash, and only then renamed.
 *
 * @returns false when the file was there already
 * @throws the refusal; Error after `attempts` failures in a row, or when the bytes are wrong twice
 */
export async function downloadFile(download: FileDownload): Promise<boolean> {
  const { file, folder, owner, signal, onProgress, attempts, pause } = download
  const path = join(folder, file.path)
  if (await isSame(path, file)) {
    onProgress(file.size)
    return false
  }
  await mkdir(dirname(path), { recursive: true })
  const part = `${path}.${file.hash.hex.slice(0, 16)}.part`
  let wrong = 0
  for (let failures = 0; ;) {
    const before = await sizeOf(part)
    try {
      if (before < file.size || before === 0) await fetchRest(download, part, before)
      if (await isSame(part, file)) break
      wrong += 1
      await unlink(part).catch(() => undefined)
      throw new Error('the bytes that came are not those of the file (size or hash differs)')
    } catch (error) {
      signal?.throwIfAborted()
      if (isInputError(error)) throw error
      failures = (await sizeOf(part)) > before ? 1 : failures + 1
      if (failures >= attempts || wrong > 1) {
        throw new Error(
          `vqa-model: cannot download ${file.path} of ${owner}: ${causeOf(error)} (${await sizeOf(part)} of ${file.size} ` +
            `bytes are here, tried ${failures} times); run the same command again to continue`,
          { cause: error },
        )
      }
      const wait = error instanceof Busy ? error.seconds * 1000 : 0
      await sleep(Math.max(wait, pause * 2 ** (failures - 1)), undefined, { signal })
    }
  }
  await syncFile(part)
  await rename(part, path)
  onProgress(file.size)
  return true
}

/** The server asks to wait. */
class Busy extends Error {
  readonly seconds: number

  constructor(status: number, seconds: number) {
    super(`the server answers with status ${status}`)
    this.seconds = seconds
  }
}

async function fetchRest(
  { url, headers, file, refusal, signal, onProgress, patience }: FileDownload,
  part: string,
  from: number,
): Promise<void> {
  const stop = new AbortController()
  const abort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => stop.abort(new Error(`no byte for ${patience / 1000} s`)), patience)
  try {
    const response = await fetch(url, {
      headers: {
        ...headers,
        'accept-encoding': 'identity',
        ...(from > 0 ? { range: `bytes=${from}-` } : {}),
      },
      signal: stop.signal,
    })
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      if (response.status === 416) await truncate(part, 0)
      if (response.status === 429 || response.status >= 500) {
        throw new Busy(response.status, retryAfter(response.headers.get('retry-after')))
      }
      throw refusal(url, response.status)
    }
    const appended = response.status === 206 && rangeStart(response.headers.get('content-range')) === from
    if (!appended && response.status === 206) throw new Error('the server sent another range than asked for')
    let done = appended ? from : 0
    const handle = await open(part, appended ? 'a' : 'w')
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        timer.refresh()
        if (done + chunk.length > file.size) throw new Error('the server sends more bytes than the file has')
        await handle.writeFile(chunk)
        onProgress((done += chunk.length))
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

function rangeStart(header: string | null): number {
  return Number(/^bytes (\d+)-/.exec(header ?? '')?.[1] ?? NaN)
}

/** Seconds of a Retry-After header, at most a minute. */
function retryAfter(header: string | null): number {
  const seconds = Number(header ?? 0)
  return Number.isFinite(seconds) ? Math.min(60, Math.max(0, seconds)) : 0
}

/** Whether a file is there with the right size and hash. */
export async function isSame(path: string, { size, hash }: RemoteFile): Promise<boolean> {
  if ((await sizeOf(path)) !== size) return false
  const digest = createHash(hash.kind === 'sha256' ? 'sha256' : 'sha1')
  if (hash.kind === 'git-sha1') digest.update(`blob ${size}\0`)
  try {
    for await (const chunk of createReadStream(path)) digest.update(chunk as Uint8Array)
  } catch {
    return false
  }
  return digest.digest('hex') === hash.hex
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
