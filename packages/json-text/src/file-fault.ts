import { InputError, isInputError } from '@lever/durable-files/input-error'

const REMEDIES = new Map([
  ['ENOENT', 'there is no such file; check the path'],
  ['ENOTDIR', 'a part of the path is not a folder; check the path'],
  ['EISDIR', 'it is a folder; give a file'],
  ['ENOTREG', 'it is not a regular file'],
  ['EACCES', 'it may not be read; check its permissions'],
  ['ERR_OUT_OF_RANGE', 'it is too large to be read in one piece'],
  ['ERR_FS_FILE_TOO_LARGE', 'it is too large to be read in one piece'],
  ['EMFILE', 'too many files are open; raise the limit (ulimit -n)'],
])

/** A system error of reading as a sentence with the name of the file and a remedy. */
export function fileFault(name: string, error: unknown): InputError {
  if (isInputError(error)) return error
  const { code = String(error) } = error as { code?: string }
  const remedy = REMEDIES.get(code) ?? 'check the path and its permissions'
  const detail = `cannot read ${name} (${code}): ${remedy}`
  return new InputError(`json-text: ${detail}`, { cause: error, detail })
}
