import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileError, InputError, systemCode } from './errors.ts'
import { processPlace, processStart } from './process-identity.ts'
import { refuseUnknownOptions, type OptionNames } from './known-options.ts'

/** How a lock shows that it is alive, in milliseconds. */
export interface LockOptions {
  /** How often the holder rewrites its lock file, milliseconds. */
  beatMs?: number
  /** How long a lock of another machine must stand still before it counts as abandoned. */
  watchMs?: number
}

export const LOCK_OPTIONS: OptionNames<LockOptions> = { beatMs: true, watchMs: true }

/** A lock that this process holds. */
export interface Lock {
  /** Throws when the lock was lost, e.g. because this process was frozen for long. */
  check(): Promise<void>
  /** Gives the lock back, so that another process can take it at once. */
  release(): Promise<void>
}

interface Owner {
  file: string
  pid: number
  start: string
  place: string
}

const ATTEMPTS = 4

/**
 * One writer at a time for `path`. Every contender creates a file of its own,
 * `<path>.lock-<pid>-<start>-<place>-<nonce>`, and then looks for others: a live one wins, one
 * of a dead process is removed. A name is never used twice, so removing one harms nobody, and of
 * two contenders at least one sees the other. Alive means: same process id and same start time.
 * Where that cannot be looked up (another machine, container or boot) the holder's file must
 * stand still for `watchMs` before it counts as abandoned.
 *
 * @throws InputError if another live process holds it
 */
export async function acquireLock(path: string, options: LockOptions = {}): Promise<Lock> {
  refuseUnknownOptions(options, LOCK_OPTIONS, 'durable-files: acquireLock')
  const { beatMs = 5_000, watchMs = 20_000 } = options
  const full = resolve(path)
  const place = processPlace()
  for (let attempt = 1; ; attempt++) {
    const file = await create(full, place)
    const others = await contenders(full, file)
    if (others.length === 0) return hold(path, file, beatMs, watchMs)
    await remove(file)
    const alive = others.find((other) => other.place === place)
    const moved = alive ?? (await watch(others, watchMs))
    if (moved === undefined) await Promise.all(others.map((other) => remove(other.file)))
    else if (attempt >= ATTEMPTS || alive === undefined) throw await busy(path, moved)
    else await sleep(20 + (randomBytes(1)[0] ?? 0) / 2)
  }
}

async function create(path: string, place: string): Promise<string> {
  const nonce = randomBytes(4).toString('hex')
  const start = processStart(process.pid) ?? '0'
  const file = `${path}.lock-${process.pid}-${start}-${place}-${nonce}`
  try {
    await beat(file, 0, 'wx')
  } catch (error) {
    await remove(file)
    throw fileError(error, 'lock', path)
  }
  return file
}

async function contenders(path: string, mine: string): Promise<Owner[]> {
  const folder = dirname(path)
  const start = `${basename(path)}.lock-`
  const place = processPlace()
  const found: Owner[] = []
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    if (!name.startsWith(start) || file === mine) continue
    const owner = parseName(file, name.slice(start.length))
    if (owner === undefined) continue
    if (owner.place === place && processStart(owner.pid) !== owner.start) await remove(file)
    else found.push(owner)
  }
  return found
}

function parseName(file: string, rest: string): Owner | undefined {
  const match = /^(\d+)-(\d+)-([0-9a-f]{12})-[0-9a-f]{8}$/.exec(rest)
  if (match === null) return undefined
  const [, pid = '', start = '', place = ''] = match
  return { file, pid: Number(pid), start, place }
}

/** The first owner whose file changes while we look; undefined when all stand still. */
async function watch(owners: readonly Owner[], watchMs: number): Promise<Owner | undefined> {
  const before = await Promise.all(owners.map((owner) => content(owner.file)))
  const steps = 10
  for (let step = 0; step < steps; step++) {
    await sleep(watchMs / steps)
    for (const [i, owner] of owners.entries()) {
      const now = await content(owner.file)
      if (now !== undefined && now !== before[i]) return owner
    }
  }
  return undefined
}

function hold(path: string, file: string, beatMs: number, watchMs: number): Lock {
  let beats = 0
  let last = performance.now()
  let lost = false
  const renew = async (): Promise<void> => {
    try {
      beats += 1
      await beat(file, beats, 'r+')
      last = performance.now()
    } catch (error) {
      if (systemCode(error) === 'ENOENT') lost = true
    }
  }
  const timer = setInterval(() => void renew(), beatMs)
  timer.unref()
  return {
    async check() {
      if (!lost && performance.now() - last > watchMs / 2) await renew()
      if (lost) {
        throw new Error(
          `durable-files: the lock of ${path} is gone: it was taken over while this process stood still, or its folder was removed; ` +
            `nothing more is written. Put the folder back if it is missing, and run the same command again to continue`,
        )
      }
    },
    async release() {
      clearInterval(timer)
      await remove(file)
    },
  }
}

async function beat(file: string, count: number, flags: 'wx' | 'r+'): Promise<void> {
  const handle = await open(file, flags)
  try {
    await handle.write(JSON.stringify({ pid: process.pid, host: hostname(), beat: count }) + '\n', 0)
  } finally {
    await handle.close()
  }
}

async function busy(path: string, owner: Owner): Promise<InputError> {
  const text = await content(owner.file)
  const host = /"host":"([^"]*)"/.exec(text ?? '')?.[1] ?? 'unknown'
  return new InputError(
    `durable-files: ${path} is being written by process ${owner.pid} on ${host}; ` +
      `wait until it ends, stop it, or use another path`,
  )
}

async function content(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}

async function remove(file: string): Promise<void> {
  await unlink(file).catch(() => undefined)
}

/** Is this the name of a lock file? */
export function isLockName(name: string): boolean {
  return /\.lock-\d+-\d+-[0-9a-f]{12}-[0-9a-f]{8}$/.test(name)
}
