import { mkdirSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize, resolve, sep } from 'node:path'
import { isTemporaryName, writeFileAtomic } from './atomic.ts'
import { canonicalJson } from './canonical-json.ts'
import { listDifferences } from './differences.ts'
import { fileError, InputError, systemCode } from './errors.ts'
import type { LockOptions } from './lock.ts'
import { acquireLock, isLockName } from './lock.ts'
import { refuseUnknownOptions, type OptionNames } from './known-options.ts'

/** What `manifest.json` holds: what was run, and what callers add with `update`. */
export interface Manifest {
  readonly manifest: 1
  readonly command: string
  readonly config: unknown
  /** Versions of the programs, of the latest opening. */
  readonly versions: Record<string, string>
  /** Hashes of the input files by name. */
  readonly inputs: Record<string, string>
  readonly seed: number | null
  readonly [name: string]: unknown
}

/** What identifies a run: another run in the same folder is refused. */
export interface RunDirectoryOptions {
  /** The folder, made with those above it where it is missing. */
  path: string
  /** What makes the run, such as `train`. With another one the folder is another run. */
  command: string
  /** Everything that changes the result, as plain JSON; what differs from an earlier run is named. */
  config: unknown
  /** Name of a program to its version. Written down, and no reason to refuse. Default none. */
  versions?: Record<string, string>
  /** Name of an input to its hash. */
  inputs?: Record<string, string>
  /** Written to the manifest (null where it is left out); with another one the folder is another run. */
  seed?: number
  /** For tests: times of the lock. */
  lock?: LockOptions
}

export const RUN_DIRECTORY_OPTIONS: OptionNames<RunDirectoryOptions> = {
  path: true,
  command: true,
  config: true,
  versions: true,
  inputs: true,
  seed: true,
  lock: true,
}

/** The folder of one run, with its manifest; it is locked until it is closed. */
export interface RunDirectory {
  readonly path: string
  readonly manifest: Manifest
  /** Was there a manifest already? */
  readonly resumed: boolean
  /**
   * The path of a file inside; its folder is made.
   * @throws InputError for a name that leads outside
   */
  file(name: string): string
  /** Sets fields of the manifest and writes it. */
  update(patch: Record<string, unknown>): Promise<void>
  /** Waits for updates and gives up the lock. */
  close(): Promise<void>
}

const FIXED = ['manifest', 'command', 'config', 'inputs', 'seed']
const MANIFEST = 'manifest.json'

/**
 * Creates a run directory, or continues one of the same command, configuration, inputs and seed.
 * It is locked while open; temporary files of a killed writer are removed. A run that failed before it wrote
 * anything left only its manifest: such a directory is taken over, whatever it was for.
 *
 * @throws InputError if it belongs to another configuration (naming the differing keys), when
 * it has files but no manifest, or when another process has it open
 */
export async function openRunDirectory(options: RunDirectoryOptions): Promise<RunDirectory> {
  refuseUnknownOptions(options, RUN_DIRECTORY_OPTIONS, 'durable-files: openRunDirectory')
  const { path, command, config, versions = {}, inputs = {}, seed, lock: lockOptions = {} } = options
  const full = resolve(path)
  const file = join(full, MANIFEST)
  const wanted = JSON.parse(
    canonicalJson({ manifest: 1, command, config, versions, inputs, seed: seed ?? null }),
  ) as Manifest
  await makeFolder(full)
  await refuseForeign(full)
  const lock = await acquireLock(file, lockOptions)
  try {
    const before = await readManifest(file)
    const difference = before && differenceOf(full, before, wanted)
    if (difference !== undefined && (await holdsMore(full))) throw new InputError(difference)
    const found = difference === undefined ? before : undefined
    await removeTemporaries(full)
    let manifest: Manifest = { ...found, ...wanted }
    await write(file, manifest)
    let last: Promise<void> = Promise.resolve()
    return {
      path: full,
      resumed: found !== undefined,
      get manifest() {
        return manifest
      },
      file: (name) => inside(full, name),
      async update(patch) {
        const fixed = FIXED.filter((key) => Object.hasOwn(patch, key))
        if (fixed.length > 0) {
          const names = fixed.join(', ')
          throw new TypeError(`durable-files: ${names} of a manifest cannot change; use other names`)
        }
        const next = { ...manifest, ...patch } as Manifest
        canonicalJson(next)
        manifest = next
        const done = last.then(async () => {
          await lock.check()
          await write(file, next)
        })
        last = done.catch(() => undefined)
        await done
      },
      async close() {
        await last
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Makes the folders one by one: Node's recursive `mkdir` never returns where the system refuses, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    const found = await stat(path).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error
    })
    if (found?.isDirectory() === true) return
    if (found !== undefined) throw new InputError(`durable-files: ${path} is not a folder; use another --out`)
    if (dirname(path) !== path) await makeFolder(dirname(path))
    await mkdir(path).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
  } catch (error) {
    throw fileError(error, 'create', path)
  }
}

async function refuseForeign(path: string): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    throw fileError(error, 'read', path)
  })
  if (names.includes(MANIFEST)) return
  const foreign = names.filter((name) => !isTemporaryName(name) && !isLockName(name))
  if (foreign.length === 0) return
  const shown = foreign.sort().slice(0, 3).join(', ')
  throw new InputError(
    `durable-files: ${path} has files (${shown}${foreign.length > 3 ? ', ...' : ''}) but no ${MANIFEST}: ` +
      `it is not a run directory; use another --out, or empty it`,
  )
}

async function readManifest(file: string): Promise<Manifest | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError(error, 'read', file)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'manifest' in value && value.manifest === 1) {
      return value as Manifest
    }
  } catch {
    // falls through to the refusal below
  }
  throw new InputError(
    `durable-files: ${file} is not a manifest of version 1; use another --out, or restore the file`,
  )
}

/** Why a directory cannot be continued; undefined when it can. */
function differenceOf(path: string, found: Manifest, wanted: Manifest): string | undefined {
  if (found.command !== wanted.command) {
    return `durable-files: ${path} belongs to another command: ${found.command} there, ${wanted.command} here; use another --out`
  }
  const pick = (manifest: Manifest): unknown =>
    Object.fromEntries(FIXED.map((key) => [key, manifest[key] ?? null]))
  const list = listDifferences(pick(found), pick(wanted))
  return list === ''
    ? undefined
    : `durable-files: ${path} belongs to another configuration: ${list}; use another --out, or the settings of that run`
}

/** Is there any file besides the manifest? */
async function holdsMore(path: string): Promise<boolean> {
  const found = await readdir(path, { recursive: true, withFileTypes: true })
  return found.some(
    (entry) =>
      !entry.isDirectory() &&
      !isTemporaryName(entry.name) &&
      !isLockName(entry.name) &&
      (entry.name !== MANIFEST || entry.parentPath !== path),
  )
}

async function removeTemporaries(path: string): Promise<void> {
  const found = await readdir(path, { withFileTypes: true })
  for (const entry of found) {
    const at = join(path, entry.name)
    if (entry.isFile() && isTemporaryName(entry.name)) await unlink(at)
    if (entry.isDirectory()) await removeTemporaries(at)
  }
}

function inside(path: string, name: string): string {
  const clean = normalize(name)
  const leaves = isAbsolute(clean) || clean === '..' || clean.startsWith(`..${sep}`)
  if (leaves || name === '' || clean === '.') {
    throw new InputError(`durable-files: "${name}" is not a file name inside ${path}; use a relative name`)
  }
  const file = join(path, clean)
  mkdirSync(dirname(file), { recursive: true })
  return file
}

async function write(file: string, manifest: Manifest): Promise<void> {
  await writeFileAtomic(file, JSON.stringify(JSON.parse(canonicalJson(manifest)), null, 2) + '\n')
}
