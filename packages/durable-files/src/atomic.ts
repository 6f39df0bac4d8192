import { lstat, open, realpath, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileError, InputError, systemCode } from './errors.ts'

/** A file of a set that is written together. */
export interface FileToWrite {
  path: string
  data: string | Uint8Array
}

let count = 0

/**
 * Writes a file so that a reader, and a crash at any moment, sees the old content or the new one
 * and never a part: a temporary file in the same folder, fsync, rename, fsync of the folder.
 * A symbolic link is followed.
 *
 * @throws InputError if the folder is missing, read-only or not allowed; Error when the disk is full
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await writeFilesAtomic([{ path, data }])
}

/**
 * Writes several files: all temporary files first, then the renames in the order given, so that
 * a full disk changes nothing and a crash leaves at most a prefix of the list renamed. Put the
 * file that refers to the others last.
 *
 * @throws as {@link writeFileAtomic}; no file has changed unless a rename itself failed
 */
export async function writeFilesAtomic(files: readonly FileToWrite[]): Promise<void> {
  const written: { from: string; to: string; path: string }[] = []
  try {
    for (const { path, data } of files) {
      const to = await target(path)
      const from = temporaryName(to)
      written.push({ from, to, path })
      await writeSynced(from, data).catch((error: unknown) => {
        throw fileError(error, 'write', path)
      })
    }
    for (const { from, to, path } of written) {
      await rename(from, to).catch((error: unknown) => {
        throw fileError(error, 'write', path)
      })
    }
  } catch (error) {
    await Promise.all(written.map(({ from }) => unlink(from).catch(() => undefined)))
    throw error
  }
  for (const folder of new Set(written.map(({ to }) => dirname(to)))) await syncFolder(folder)
}

/** Is this the name of a temporary file that a killed writer left behind? */
export function isTemporaryName(name: string): boolean {
  return /^\..+\.\d+-\d+\.tmp$/.test(name)
}

function temporaryName(path: string): string {
  count += 1
  return join(dirname(path), `.${basename(path)}.${process.pid}-${count}.tmp`)
}

async function target(path: string): Promise<string> {
  try {
    const real = await realpath(path)
    const found = await lstat(real)
    if (found.isFile()) return real
    throw new InputError(
      `durable-files: cannot write ${path}: it is ${found.isDirectory() ? 'a folder' : 'not a regular file'}; choose another path`,
    )
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return path
    throw fileError(error, 'write', path)
  }
}

async function writeSynced(path: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    await handle.writeFile(data)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** fsync of a folder, so that a rename in it survives a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined || !NO_FOLDER_SYNC.has(code)) throw fileError(error, 'sync', folder)
  }
}

const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EACCES'])
