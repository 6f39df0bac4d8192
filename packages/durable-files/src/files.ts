import { createReadStream } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeFileAtomic } from './atomic.ts'
import { InputError } from './errors.ts'

/** @throws InputError if `path`, given as `flag` (or as the argument of that name), is not a file (or not a folder) */
export async function requirePath(
  path: string,
  flag: string,
  kind: 'file' | 'folder' = 'file',
): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' || code === 'ENOTDIR' ? 'there is no' : `cannot read (${code ?? 'unknown error'}) the`
    throw new InputError(`${named(flag)}: ${why} ${kind} ${path}; check the path`)
  })
  if (kind === 'file' ? found.isDirectory() : !found.isDirectory()) {
    throw new InputError(
      `${named(flag)}: ${path} is a ${kind === 'file' ? 'folder' : 'file'}; give a ${kind}`,
    )
  }
}

/** A flag, or an argument without one as help shows it. */
const named = (flag: string): string => (flag.startsWith('--') ? flag : `<${flag}>`)

/** Whether there is a file or folder at a path; one that may not be looked at counts as none. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/**
 * Refuses an output path that exists, or that is below a file, before any work is done.
 * @throws InputError
 */
export async function requireNew(path: string, flag: string): Promise<void> {
  await requirePath(await nearestAbove(path), flag, 'folder')
  if (await exists(path))
    throw new InputError(`${named(flag)}: ${path} exists and is not overwritten; choose another path`)
}

/** The folder of a path, or the first above it that is there. */
async function nearestAbove(path: string): Promise<string> {
  const above = dirname(path)
  return above === path || (await exists(above)) ? above : nearestAbove(above)
}

/** Makes the folders above an output file. @throws InputError where that is not allowed */
export async function makeFolderOf(path: string, flag: string): Promise<void> {
  const folder = dirname(path)
  if (await exists(folder)) return
  await makeFolderOf(folder, flag)
  await mkdir(folder).catch(async (cause: unknown) => {
    if (await exists(folder)) return
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException
    throw new InputError(
      `${named(flag)}: cannot make the folder ${folder} (${code}); choose another path, or make it`,
      { cause },
    )
  })
}

/**
 * Writes a file that must not exist yet, unless it holds exactly this; makes the folders above it.
 * @throws InputError
 */
export async function writeNew(path: string, data: string | Uint8Array, flag: string): Promise<void> {
  const before = await readFile(path).catch(() => undefined)
  if (before?.equals(typeof data === 'string' ? Buffer.from(data) : data) === true) return
  await requireNew(path, flag)
  await makeFolderOf(path, flag)
  await writeFileAtomic(path, data)
}

/** @throws InputError if a file that a command wrote is not JSON */
export async function readJson(file: string): Promise<unknown> {
  return parse(await readFile(file, 'utf8'), file)
}

/**
 * The lines of a file, read in pieces: it may be larger than a string can be. A last line without its end, of a writer
 * that still works, is left out.
 * @throws InputError for a line that is not JSON
 */
export async function readJsonLines(file: string): Promise<unknown[]> {
  const values: unknown[] = []
  let rest = ''
  for await (const part of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + String(part)).split('\n')
    rest = lines.pop()!
    for (const line of lines) values.push(parse(line, `${file}:${values.length + 1}`))
  }
  return values
}

/** Values as JSON lines, encoded in pieces for the same reason. */
export function jsonLines(values: readonly unknown[], together = 10_000): Uint8Array {
  const parts: Uint8Array[] = []
  for (let first = 0; first < values.length; first += together) {
    const part = values.slice(first, first + together)
    parts.push(Buffer.from(part.map((value) => `${JSON.stringify(value)}\n`).join('')))
  }
  return Buffer.concat(parts)
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new InputError(`${place} is not JSON; run the command that wrote it again`, { cause })
  }
}
