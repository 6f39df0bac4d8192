import { InputError, isInputError } from './input-error.ts'

export { InputError }

const REMEDIES = new Map([
  ['EACCES', 'it may not be written; check its permissions or choose another path'],
  ['EPERM', 'it may not be written; check its permissions or choose another path'],
  ['EROFS', 'the file system is read-only; choose another path'],
  ['ENOENT', 'the folder does not exist; create it or choose another path'],
  ['ENOTDIR', 'a part of the path is not a folder; choose another path'],
  ['EISDIR', 'it is a folder; choose another path'],
  ['ENAMETOOLONG', 'the name is too long; choose a shorter one'],
])

const RESOURCES = new Map([
  ['ENOSPC', 'no space left on the device; free some space and run the same command again'],
  ['EDQUOT', 'the disk quota is used up; free some space and run the same command again'],
  ['EFBIG', 'the file would pass the size limit; raise it (ulimit -f) and run the same command again'],
  ['EMFILE', 'too many open files; raise the limit (ulimit -n) and run the same command again'],
])

/** The code of a system error ("ENOENT"), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/**
 * A system error as a sentence with the path and a remedy: an {@link InputError} where another
 * path or permission helps, a plain Error where the machine ran out of something.
 */
export function fileError(error: unknown, action: string, path: string): Error {
  const code = systemCode(error)
  const start = `durable-files: cannot ${action} ${path}`
  if (isInputError(error) || code === undefined) return error as Error
  const remedy = REMEDIES.get(code)
  if (remedy !== undefined) return new InputError(`${start} (${code}): ${remedy}`, { cause: error })
  const resource = RESOURCES.get(code) ?? (error as Error).message
  return new Error(`${start} (${code}): ${resource}`, { cause: error })
}
